/** The language of the page: texts and formats. Chinese unless chosen otherwise; the choice is kept in the browser. */

import { computed, readonly, ref, watchEffect } from "vue";

import type { LocalName } from "../api/types";
import { createFormat } from "../format/format";
import { en } from "../locales/en";
import { zh, type Messages } from "../locales/zh";
import { recall, remember } from "./storage";

export type Language = "zh" | "en";

const KEY = "busense.language";
const TAGS: Record<Language, string> = { zh: "zh-CN", en: "en-GB" };
const MESSAGES: Record<Language, Messages> = { zh, en };

const language = ref<Language>(recall(KEY) === "en" ? "en" : "zh");
const t = computed(() => MESSAGES[language.value]);
const format = computed(() => createFormat(TAGS[language.value], t.value));

watchEffect(() => {
  document.documentElement.lang = TAGS[language.value];
});

function setLanguage(chosen: Language): void {
  language.value = chosen;
  remember(KEY, chosen);
}

function nameOf(name: LocalName): string {
  return name[language.value] || name.zh;
}

export function useLocale() {
  return { language: readonly(language), t, format, setLanguage, nameOf };
}
