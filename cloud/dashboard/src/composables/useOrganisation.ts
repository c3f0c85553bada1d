/** Units and crews: for names and for the choice of whom to send. */

import { computed } from "vue";

import { api } from "../api/client";
import type { LocalName, Organisation } from "../api/types";
import { useLocale } from "./useLocale";
import { useResource } from "./useResource";

export function useOrganisation() {
  const { nameOf } = useLocale();
  const resource = useResource<Organisation>((signal) => api.organisation(signal));
  void resource.load();
  const units = computed(() => resource.data.value?.units ?? []);
  const crews = computed(() => resource.data.value?.crews ?? []);
  const named = (known: readonly { key: string; name: LocalName }[], key: string | null) => {
    const found = known.find((each) => each.key === key);
    return found === undefined ? key : nameOf(found.name);
  };
  return {
    units,
    crews,
    reload: resource.load,
    unitName: (key: string | null) => named(units.value, key),
    crewName: (key: string | null) => named(crews.value, key),
  };
}
