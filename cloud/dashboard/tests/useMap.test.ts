import { afterEach, expect, it, vi } from "vitest";
import { createApp, h, nextTick, ref, type App } from "vue";

import { useMap } from "../src/map/useMap";

const canvas = document.createElement("canvas");

vi.mock("maplibre-gl", () => ({
  setWorkerUrl: () => undefined,
  MapMouseEvent: MouseEvent,
  Map: class {
    touchZoomRotate = { disableRotation: () => undefined };
    getCanvas = () => canvas;
    on = () => undefined;
    remove = () => undefined;
  },
}));

let app: App | null = null;
afterEach(() => app?.unmount());

it("names the map in the language of the page, another one, too, that is chosen while it is open", async () => {
  const label = ref("病害地图");
  const element = ref<HTMLElement | null>(null);
  app = createApp({
    setup() {
      useMap(element, () => ({ label: label.value, isInteractive: true, theme: "light", style: { version: 8, sources: {}, layers: [] } }));
      return () => h("div", { ref: element });
    },
  });
  app.mount(document.body.appendChild(document.createElement("div")));
  expect(canvas.getAttribute("aria-label")).toBe("病害地图");
  label.value = "Map of damages";
  await nextTick();
  expect(canvas.getAttribute("aria-label")).toBe("Map of damages");
});
