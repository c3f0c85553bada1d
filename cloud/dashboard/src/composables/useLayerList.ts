/** The layers that there are for who sits here, with their freshness; asked for again while the map is looked at. */

import { computed, watch } from "vue";

import { mapApi } from "../api/map";
import { useLive } from "../live/useLive";
import { MAP_LAYERS, type LayerDescription } from "../map/layers";
import type { LayerView } from "../api/types";
import { useEvery } from "./useEvery";
import { useMe } from "./useMe";
import { useResource } from "./useResource";

const EVERY_MS = 15_000;

export interface KnownLayer {
  layer: LayerDescription;
  view: LayerView;
}

export function useLayerList() {
  const live = useLive();
  const { me } = useMe();
  const list = useResource((signal) => mapApi.layers(signal));
  watch([me, live.connection], () => void list.load(), { immediate: true });
  useEvery(EVERY_MS, () => void list.refresh());
  /** The highest first, as they lie on the map; one that this page does not know is not drawn. */
  const known = computed<KnownLayer[]>(() => [...MAP_LAYERS].reverse().flatMap((layer) => {
    const view = list.data.value?.layers.find(({ id }) => id === layer.id);
    return view === undefined ? [] : [{ layer, view }];
  }));
  return { list, known };
}
