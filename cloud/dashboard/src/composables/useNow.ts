/** The present time, shared by all that show how long ago something was. */

import { onScopeDispose, readonly, ref } from "vue";

const now = ref(new Date());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow() {
  users += 1;
  if (timer === undefined) {
    now.value = new Date(); // nobody has kept it up to date
  }
  timer ??= setInterval(() => {
    now.value = new Date();
  }, 1000);
  onScopeDispose(() => {
    users -= 1;
    if (users === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  });
  return readonly(now);
}
