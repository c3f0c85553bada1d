/** Who chose by the keyboard goes on in the panel that opens, and where they were once it closes. */

import { nextTick, onScopeDispose, watch, type Ref } from "vue";

type PanelElement = () => HTMLElement | null | undefined;

export function usePanelFocus(chosen: Ref<string | null>, panel: PanelElement): void {
  let before: HTMLElement | null = null;
  watch(chosen, (id) => {
    const { activeElement } = document;
    const isInPanel = panel()?.contains(activeElement) === true;
    if (id === null) {
      if (isInPanel || activeElement === document.body) {
        before?.focus();
      }
      before = null;
    } else if (activeElement instanceof HTMLElement && activeElement !== document.body && !isInPanel) {
      before = activeElement;
      void nextTick(() => panel()?.focus({ preventScroll: true }));
    }
  });
  useWayFree(panel, () => (chosen.value = null));
}

/** A panel closes once what lies wholly under it has the focus: on a phone it covers half of the page. */
export function useWayFree(panel: PanelElement, close: () => void): void {
  function look({ target }: FocusEvent): void {
    const over = panel();
    if (over && target instanceof Element && !over.contains(target) && isUnder(over.getBoundingClientRect(), target.getBoundingClientRect())) {
      close();
    }
  }
  addEventListener("focusin", look);
  onScopeDispose(() => removeEventListener("focusin", look));
}

function isUnder(over: DOMRect, under: DOMRect): boolean {
  return under.left >= over.left && under.right <= over.right && under.top >= over.top && under.bottom <= over.bottom;
}
