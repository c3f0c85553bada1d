/** `g` and then a letter leads to a page; nothing happens while somebody types. */

import { onScopeDispose } from "vue";
import { useRouter } from "vue-router";

const PAGES: Readonly<Record<string, string>> = {
  m: "/",
  f: "/findings",
  c: "/cases",
  t: "/triage",
  r: "/roads",
  v: "/fleet",
  s: "/statistics",
};
const WITHIN_MS = 1200;

export function useGotoKeys(): void {
  const router = useRouter();
  let startedMs = -Infinity;

  function onKey(event: KeyboardEvent): void {
    if (isTyping(event)) {
      return;
    }
    const page = PAGES[event.key];
    if (event.key === "g") {
      startedMs = event.timeStamp;
    } else if (page !== undefined && event.timeStamp - startedMs < WITHIN_MS) {
      startedMs = -Infinity;
      event.preventDefault();
      event.stopPropagation();
      void router.push(page);
    }
  }
  addEventListener("keydown", onKey, { capture: true });
  onScopeDispose(() => removeEventListener("keydown", onKey, { capture: true }));
}

/** Whether a key belongs to a field, a dialog or the browser, and not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  const isInField = target instanceof HTMLElement && target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable], [role=dialog], [role=combobox]") !== null;
  const isChoosing = target instanceof HTMLInputElement && event.key.startsWith("Arrow");
  return isInField || isChoosing || event.ctrlKey || event.metaKey || event.altKey;
}
