/** Something done again and again while the page is there and seen. */

import { onScopeDispose } from "vue";

export function useEvery(periodMs: number, work: () => void): void {
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") {
      work();
    }
  }, periodMs);
  onScopeDispose(() => clearInterval(timer));
}
