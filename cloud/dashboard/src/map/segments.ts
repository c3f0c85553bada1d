/** Segments of roads coloured by their grade on our own ground. */

import type { FeatureCollection } from "geojson";
import type { ExpressionSpecification, FilterSpecification, LayerSpecification, LineLayerSpecification } from "maplibre-gl";

import type { Grade, Segment } from "../api/types";
import type { Theme } from "../composables/useTheme";
import { MAP_COLOURS } from "./palette";

export const SEGMENTS = "segments";
export const SEGMENT_LAYERS = { fresh: "segments-fresh", stale: "segments-stale", selected: "segments-selected" } as const;

export const GRADES: readonly Grade[] = ["excellent", "good", "fair", "poor", "bad", "unknown"];

/** Dashed where the newest look is old; what nobody knows is faint. */
export function gradeLines(ids: { fresh: string; stale: string }, source: string, property: string, colours: Readonly<Record<Grade, string>>): LineLayerSpecification[] {
  const grade: ExpressionSpecification = ["get", property];
  const colour = ["match", grade, ...GRADES.flatMap((name) => [name, colours[name]]), colours.unknown] as unknown as ExpressionSpecification;
  const width: ExpressionSpecification = ["interpolate", ["linear"], ["zoom"], 10, 1.5, 13, 3, 16, 6, 19, 14];
  const isStale: FilterSpecification = ["==", ["get", "is_stale"], true];
  return [
    {
      id: ids.fresh, type: "line", source, filter: ["!", isStale], layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colour, "line-width": width },
    },
    {
      id: ids.stale, type: "line", source, filter: isStale, layout: { "line-join": "round" },
      paint: { "line-color": colour, "line-width": width, "line-dasharray": [1.6, 1.2], "line-opacity": ["match", grade, "unknown", 0.3, 0.85] },
    },
  ];
}

export function segmentLayers(theme: Theme, colours: Readonly<Record<Grade, string>>, selectedId: string | null): LayerSpecification[] {
  return [
    {
      id: SEGMENT_LAYERS.selected, type: "line", source: SEGMENTS, filter: ["==", ["get", "id"], selectedId ?? ""], layout: { "line-cap": "round" },
      paint: { "line-color": MAP_COLOURS[theme].accent, "line-opacity": 0.35, "line-width": ["interpolate", ["linear"], ["zoom"], 10, 8, 16, 18, 19, 30] },
    },
    ...gradeLines(SEGMENT_LAYERS, SEGMENTS, "grade", colours),
  ];
}

/** Segments with their id among the properties, where layers and clicks find it. */
export function segmentFeatures(segments: readonly Segment[]): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: segments.map(({ id, geometry, properties }) => ({
      type: "Feature",
      geometry,
      properties: { id, grade: properties.grade, is_stale: properties.is_stale },
    })) as FeatureCollection["features"],
  };
}
