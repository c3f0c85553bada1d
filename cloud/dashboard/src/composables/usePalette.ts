/** The colours of charts, read again when the theme changes. */

import { shallowRef, watch } from "vue";

import { readPalette } from "../charts/options";
import { useTheme } from "./useTheme";

export function usePalette() {
  const { theme } = useTheme();
  const palette = shallowRef(readPalette());
  watch(theme, () => (palette.value = readPalette()), { flush: "post" });
  return palette;
}
