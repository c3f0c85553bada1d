/** Who goes by the keyboard keeps their place when what had the focus is taken away, hidden or switched off for a while. */

import { onScopeDispose } from "vue";

interface Place {
  readonly element: HTMLElement;
  /** Begins where the element stands, also after it is gone. */
  readonly range: Range;
}

const STOPS = "a[href], button, input, select, textarea, summary, [tabindex]";
const DIALOG = "[role=dialog]";

let place: Place | null = null;
/** Where they were on the page itself, before a dialog opened. */
let outside: Place | null = null;

function note({ target }: FocusEvent): void {
  place = target instanceof HTMLElement && target.id !== "content" && target.matches(":focus-visible") ? placeOf(target) : null;
  if (target instanceof Element && target.closest(DIALOG) === null) {
    outside = place;
  }
}

function placeOf(element: HTMLElement): Place {
  const range = document.createRange();
  range.setStartBefore(element);
  return { element, range };
}

/** Who leaves by their own will has no place to be kept. What is taken away loses the focus just before it goes. */
function forget({ relatedTarget }: FocusEvent): void {
  if (relatedTarget === null) {
    queueMicrotask(() => {
      if (document.activeElement === document.body && canStop(place?.element)) {
        place = null;
      }
    });
  }
}

function canStop(element: Element | undefined): element is HTMLElement {
  return element instanceof HTMLElement && element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled, [tabindex='-1']");
}

function stopAt(kept: Place | null): HTMLElement | undefined {
  return kept === null || canStop(kept.element) ? kept?.element : nearest(kept);
}

/** The stop that follows the place, or the last before it, in the smallest box that has any. */
function nearest({ range }: Place): HTMLElement | undefined {
  for (let box = boxOf(range); box !== null && box !== document.body; box = box.parentElement) {
    const stops = [...box.querySelectorAll(STOPS)].filter(canStop);
    const next = stops.find((stop) => range.comparePoint(stop, 0) >= 0) ?? stops.at(-1);
    if (next !== undefined) {
      return next;
    }
  }
  return undefined;
}

function boxOf({ startContainer }: Range): Element | null {
  return startContainer instanceof Element ? startContainer : startContainer.parentElement;
}

function comeBack(): void {
  if (document.activeElement !== document.body || place === null) {
    return;
  }
  const { element } = place;
  if (element.checkVisibility() && element.matches(":disabled")) {
    return; // it will be switched on again, or go
  }
  (stopAt(place) ?? stopAt(outside))?.focus({ preventScroll: true });
}

export function useKeptPlace(): void {
  let isDue = false;
  /** A browser takes the focus off what is hidden or switched off only when it draws. */
  function look(): void {
    if (!isDue && place !== null) {
      isDue = true;
      requestAnimationFrame(() => setTimeout(() => {
        isDue = false;
        comeBack();
      }));
    }
  }
  const watcher = new MutationObserver(look);
  watcher.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "style", "class"] });
  addEventListener("focusin", note);
  addEventListener("focusout", forget);
  onScopeDispose(() => {
    watcher.disconnect();
    removeEventListener("focusin", note);
    removeEventListener("focusout", forget);
  });
}
