/** Where a picture of the API can be had: who came by a token has it fetched, for a browser does not say whose it is. */

import { shallowRef, watch, type ShallowRef } from "vue";

import { getFile } from "../api/client";
import { useToken } from "../api/identity";

export function useApiPicture(src: () => string): ShallowRef<string | null> {
  const { token } = useToken();
  const shown = shallowRef<string | null>(null);
  watch([src, token], ([wanted, held], _, onCleanup) => {
    shown.value = held === null ? wanted : null;
    if (held !== null) {
      const lifetime = new AbortController();
      onCleanup(() => lifetime.abort());
      void fetchOf(wanted, lifetime.signal);
    }
  }, { immediate: true });

  async function fetchOf(wanted: string, signal: AbortSignal): Promise<void> {
    const content = await getFile(wanted, signal).catch(() => null);
    if (!signal.aborted) {
      const made = content === null ? wanted : URL.createObjectURL(content);
      signal.addEventListener("abort", () => URL.revokeObjectURL(made), { once: true });
      shown.value = made;
    }
  }

  return shown;
}
