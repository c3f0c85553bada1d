/** Shows one thing after the other, each for a while; what is new comes at once. */

import { computed, onScopeDispose, ref, watch, type Ref } from "vue";

export function useSpotlight(ids: Ref<readonly string[]>, periodMs: number) {
  const place = ref(0);
  const current = computed(() => ids.value[place.value % Math.max(1, ids.value.length)] ?? null);
  let timer = setInterval(advance, periodMs);

  function advance(): void {
    place.value = (place.value + 1) % Math.max(1, ids.value.length);
  }
  watch(() => ids.value[0], () => {
    place.value = 0;
    clearInterval(timer);
    timer = setInterval(advance, periodMs);
  });
  onScopeDispose(() => clearInterval(timer));
  return current;
}
