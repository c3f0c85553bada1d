/** A screen on a wall: always dark, drawn for 1920 by 1080 pixels and enlarged to what there is, never going to sleep. */

import { onScopeDispose, ref } from "vue";

import { useTheme } from "./useTheme";

const DRAWN_FOR_PX = { width: 1920, height: 1080 };
const SMALLEST = 0.5;

export function useWallMode() {
  const { setForced } = useTheme();
  const enlargement = ref(enlargementNow());
  const awake = { lock: null as WakeLockSentinel | null, isLeft: false };

  const onResize = (): void => {
    enlargement.value = enlargementNow();
  };
  const onVisible = (): void => {
    if (document.visibilityState === "visible") {
      void stayAwake(awake);
    }
  };
  setForced("dark");
  void stayAwake(awake);
  addEventListener("resize", onResize);
  document.addEventListener("visibilitychange", onVisible);
  onScopeDispose(() => {
    setForced(null);
    removeEventListener("resize", onResize);
    document.removeEventListener("visibilitychange", onVisible);
    awake.isLeft = true;
    void awake.lock?.release();
  });
  return enlargement;
}

function enlargementNow(): number {
  return Math.max(SMALLEST, Math.min(innerWidth / DRAWN_FOR_PX.width, innerHeight / DRAWN_FOR_PX.height));
}

/** Only where the browser knows it and the page came over https or from this machine. */
async function stayAwake(awake: { lock: WakeLockSentinel | null; isLeft: boolean }): Promise<void> {
  if ("wakeLock" in navigator) {
    awake.lock = await navigator.wakeLock.request("screen").catch(() => null);
    if (awake.isLeft) {
      await awake.lock?.release();
    }
  }
}
