/** Who chose by the keyboard goes on in the panel that opens, and where they were once it closes. */

import { nextTick, watch, type Ref } from "vue";

export function usePanelFocus(chosen: Ref<string | null>, panel: () => HTMLElement | null | undefined): void {
  let before: HTMLElement | null = null;
  watch(chosen, (id) => {
    const { activeElement } = document;
    if (id === null) {
      before?.focus();
      before = null;
    } else if (activeElement instanceof HTMLElement && activeElement !== document.body && panel()?.contains(activeElement) !== true) {
      before = activeElement;
      void nextTick(() => panel()?.focus({ preventScroll: true }));
    }
  });
}
