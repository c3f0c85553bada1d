/** Where there is anything at all: the box around the roads, or around what was seen. */

import { computed, type ComputedRef } from "vue";

import { api } from "../api/client";
import type { Box } from "../map/shapes";
import { useResource } from "./useResource";

export function useExtent(): ComputedRef<Box | null> {
  const extent = useResource((signal) => api.extent(signal));
  void extent.load();
  return computed(() => (extent.data.value?.bbox ?? null) as Box | null);
}
