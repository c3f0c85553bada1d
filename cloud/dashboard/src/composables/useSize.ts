/** The size of an element, for drawings that fill it. */

import { onScopeDispose, ref, watch, type Ref } from "vue";

export function useWidth(element: Ref<HTMLElement | null>): Ref<number> {
  const widthPx = ref(0);
  const observer = new ResizeObserver(([entry]) => {
    widthPx.value = entry?.contentRect.width ?? 0;
  });
  watch(element, (now, before) => {
    if (before) {
      observer.unobserve(before);
    }
    if (now) {
      observer.observe(now);
    }
  }, { immediate: true });
  onScopeDispose(() => observer.disconnect());
  return widthPx;
}
