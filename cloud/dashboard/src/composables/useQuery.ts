/** One parameter of the address as a ref: what the viewer chose can be linked, reloaded, and taken back. */

import { computed, type WritableComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";

export function useQuery(name: string, how: "push" | "replace" = "replace"): WritableComputedRef<string | null> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => {
      const value = route.query[name];
      return typeof value === "string" && value !== "" ? value : null;
    },
    set: (value) => {
      // The router leaves out what is undefined.
      void router[how]({ query: { ...route.query, [name]: value ?? undefined } });
    },
  });
}
