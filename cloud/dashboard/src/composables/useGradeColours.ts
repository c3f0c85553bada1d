/** The colours of the grades, out of the tokens of the theme. */

import { shallowRef, watch } from "vue";

import type { Grade } from "../api/types";
import { GRADES } from "../map/segments";
import { useTheme } from "./useTheme";

export type GradeColours = Readonly<Record<Grade, string>>;

export function useGradeColours() {
  const { theme } = useTheme();
  const colours = shallowRef(read());
  watch(theme, () => (colours.value = read()), { flush: "post" });
  return colours;
}

function read(): GradeColours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(GRADES.map((grade) => [grade, style.getPropertyValue(`--grade-${grade}`).trim()])) as GradeColours;
}
