import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const api = process.env["BUSENSE_API"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [vue()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the Content-Security-Policy of the server allows files of its own, not data URLs of code
    chunkSizeWarningLimit: 1200, // MapLibre is one piece of about a megabyte
    reportCompressedSize: false,
    // MapLibre changes seldom: browsers keep it when the pages change.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "maplibre", test: /node_modules\/maplibre-gl/ }] } } },
  },
  worker: { format: "es" },
  server: { proxy: { "/api": api } },
});
