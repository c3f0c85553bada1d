/** Units and crews: for names and for the choice of whom to send. */

import { computed } from "vue";

import { api } from "../api/client";
import type { Organisation } from "../api/types";
import { useLocale } from "./useLocale";
import { useResource } from "./useResource";

export function useOrganisation() {
  const { nameOf } = useLocale();
  const resource = useResource<Organisation>((signal) => api.organisation(signal));
  void resource.load();
  const units = computed(() => resource.data.value?.units ?? []);
  const crews = computed(() => resource.data.value?.crews ?? []);
  return {
    units,
    crews,
    reload: resource.load,
    crewName: (key: string | null) => {
      const crew = crews.value.find((known) => known.key === key);
      return crew === undefined ? key : nameOf(crew.name);
    },
  };
}
