/** The layers of the map, as it is or was. */

import { getJson } from "./client";
import type { LayerFeatures, LayerView } from "./types";

export interface LayerLook {
  bbox: readonly number[];
  zoom: number;
  /** As of when; null is now. */
  at: string | null;
}

export const mapApi = {
  layers: (signal?: AbortSignal) => getJson<{ at: string; layers: LayerView[] }>("/map/layers", {}, signal),
  layer: (id: string, { bbox, zoom, at }: LayerLook, signal?: AbortSignal) =>
    getJson<LayerFeatures>(`/map/layers/${id}`, { bbox: bbox.map((degrees) => degrees.toFixed(6)).join(","), zoom: zoom.toFixed(2), at }, signal),
};
