/** Whether the window is as narrow as a phone: below it the frame of the pages is another one. */

import { onScopeDispose, readonly, ref } from "vue";

const NARROW = "(max-width: 760px)";

export function useNarrow() {
  const query = matchMedia(NARROW);
  const isNarrow = ref(query.matches);
  const follow = (): void => {
    isNarrow.value = query.matches;
  };
  query.addEventListener("change", follow);
  onScopeDispose(() => query.removeEventListener("change", follow));
  return readonly(isNarrow);
}
