/** What the sources of a map hold. */

import type { GeoJSON } from "geojson";
import type { GeoJSONSource, Map as MapLibre } from "maplibre-gl";

/** As text, by source: the same data again would be cut into tiles anew and the whole map drawn again. */
const held = new WeakMap<GeoJSONSource, string>();

export function setData(map: Pick<MapLibre, "getSource">, name: string, data: GeoJSON): void {
  const source = map.getSource<GeoJSONSource>(name);
  const text = JSON.stringify(data);
  if (source !== undefined && held.get(source) !== text) {
    held.set(source, text);
    void source.setData(data);
  }
}
