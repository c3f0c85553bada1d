/** One case, fetched anew when the event stream tells of a newer version or the viewer becomes somebody else. */

import { watch, type Ref } from "vue";

import { api } from "../api/client";
import type { CaseDetail } from "../api/types";
import { useLive } from "../live/useLive";
import { useMe } from "./useMe";
import { useResource } from "./useResource";

export function useCase(id: Ref<string | null>) {
  const { cases } = useLive();
  const { me } = useMe();
  const resource = useResource<CaseDetail | null>((signal) =>
    id.value === null ? Promise.resolve(null) : api.case(id.value, signal),
  );
  watch(id, () => {
    resource.data.value = null;
    void resource.load();
  }, { immediate: true });
  watch(me, () => void resource.load());
  watch(() => [cases.value.get(id.value ?? "")?.version, resource.data.value?.version] as const, ([told, shown]) => {
    if (told !== undefined && shown !== undefined && told > shown) {
      void resource.load();
    }
  });
  return resource;
}
