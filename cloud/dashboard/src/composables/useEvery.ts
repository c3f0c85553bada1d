/** Something done again and again while the page is there and seen. */

import { onScopeDispose } from "vue";

export function useEvery(periodMs: number, work: (signal: AbortSignal) => void): void {
  const lifetime = new AbortController();
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") {
      work(lifetime.signal);
    }
  }, periodMs);
  onScopeDispose(() => {
    clearInterval(timer);
    lifetime.abort();
  });
}
