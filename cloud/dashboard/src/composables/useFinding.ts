/** One finding with its passes, fetched anew when the event stream tells of a change or a picture is still missing. */

import { onScopeDispose, watch, type Ref } from "vue";

import { api } from "../api/client";
import type { FindingDetail } from "../api/types";
import { useLive } from "../live/useLive";
import { useResource } from "./useResource";

const PICTURE_POLL_MS = 5_000;

export function useFinding(id: Ref<string | null>) {
  const live = useLive();
  const resource = useResource<FindingDetail | null>((signal) =>
    id.value === null ? Promise.resolve(null) : api.finding(id.value, signal),
  );
  let timer: ReturnType<typeof setTimeout> | undefined;

  watch(id, () => {
    resource.data.value = null;
    void resource.load();
  }, { immediate: true });
  watch(resource.data, (finding) => {
    clearTimeout(timer);
    if (finding?.properties.passes.some((pass) => pass.picture?.available === false)) {
      timer = setTimeout(() => void resource.load(), PICTURE_POLL_MS);
    }
  });
  const stop = live.onFinding((finding) => {
    if (finding.id === id.value) {
      void resource.load();
    }
  });
  onScopeDispose(() => {
    stop();
    clearTimeout(timer);
  });
  return resource;
}
