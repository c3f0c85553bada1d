/** The roads that a map draws, as many as the server gives at once. */

import type { ShallowRef } from "vue";

import { api } from "../api/client";
import type { RoadCollection } from "../api/types";
import { useResource } from "./useResource";

export function useRoads(): ShallowRef<RoadCollection | null> {
  const roads = useResource((signal) => api.roads(null, signal));
  void roads.load();
  return roads.data;
}
