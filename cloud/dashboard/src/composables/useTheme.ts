/** Light or dark: as the system says, unless the viewer chose. */

import { computed, readonly, ref, watchEffect } from "vue";

import { recall, remember } from "./storage";

export type ThemeChoice = "auto" | "light" | "dark";
export type Theme = "light" | "dark";

const KEY = "busense.theme";
const CHOICES: readonly ThemeChoice[] = ["auto", "light", "dark"];

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = ref<Theme>(systemDark.matches ? "dark" : "light");
systemDark.addEventListener("change", (event) => {
  systemTheme.value = event.matches ? "dark" : "light";
});

const choice = ref<ThemeChoice>(CHOICES.find((known) => known === recall(KEY)) ?? "auto");
const forcedTheme = ref<Theme | null>(null);
const theme = computed<Theme>(() => forcedTheme.value ?? (choice.value === "auto" ? systemTheme.value : choice.value));

watchEffect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

function setChoice(chosen: ThemeChoice): void {
  choice.value = chosen;
  remember(KEY, chosen);
}

function nextChoice(): void {
  setChoice(CHOICES[(CHOICES.indexOf(choice.value) + 1) % CHOICES.length] ?? "auto");
}

/** A page that is dark whatever the viewer chose (the wall display). */
function setForced(forced: Theme | null): void {
  forcedTheme.value = forced;
}

export function useTheme() {
  return { choice: readonly(choice), theme, setChoice, nextChoice, setForced };
}
