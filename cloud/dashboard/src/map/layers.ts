/**
 * The layers of the map, the lowest first: how each is drawn, what its signs mean, how often it is asked for, and where a
 * click leads. To add one is one description here and one on the server, which says who may see it.
 */

import type { Feature, FeatureCollection } from "geojson";
import type { ExpressionSpecification, LayerSpecification, StyleSpecification, SymbolLayerSpecification } from "maplibre-gl";
import type { RouteLocationRaw } from "vue-router";

import type { LayerFeature, LayerProperties } from "../api/types";
import type { IconName } from "../components/icons";
import type { GradeColours } from "../composables/useGradeColours";
import type { Theme } from "../composables/useTheme";
import type { Messages } from "../locales/zh";
import type { Shape } from "./icons";
import { MAP_COLOURS, type MapColours } from "./palette";
import { gradeLines, GRADES } from "./segments";
import { busFeatures, findingFeatures } from "./shapes";
import { busLayers, cellLayers, FONT, emptySources, findingLayers, onGround, SIGNS, SOURCES, type ClassColours } from "./style";

export type Mark = Shape | "circle" | "hollow square" | "hollow triangle" | "area" | "line" | "dashes";

/** One sign of the legend. */
export interface Sign {
  mark: Mark;
  colour: string;
  text: string;
}

export interface Paints {
  theme: Theme;
  colours: MapColours;
  classes: ClassColours;
  grades: GradeColours;
}

export interface LayerDescription {
  id: string;
  icon: IconName;
  isOnAtFirst: boolean;
  /** What is now comes with the events and is drawn by what follows them; asked for is only what was. */
  isLive: boolean;
  /** How often what is now is asked for. */
  everyMs: number;
  layers: (paints: Paints) => LayerSpecification[];
  /** Without any the layer has a legend of its own. */
  signs: (words: Messages, paints: Paints) => Sign[];
  /** What is drawn, by the sources of its layers. */
  sources: (features: readonly LayerFeature[]) => Record<string, FeatureCollection>;
  wayTo: (properties: LayerProperties) => RouteLocationRaw | null;
}

const SECOND_MS = 1000;
const HIDDEN: FeatureCollection = { type: "FeatureCollection", features: [] };
const property = (name: string): ExpressionSpecification => ["get", name];
const isKind = (kind: string): ExpressionSpecification => ["==", ["get", "kind"], kind];

function ownSource(id: string): (features: readonly LayerFeature[]) => Record<string, FeatureCollection> {
  return (features) => ({ [sourceOf(id)]: { type: "FeatureCollection", features: features as unknown as Feature[] } });
}

function sourceOf(id: string): string {
  return `layer-${id}`;
}

const nowhere = (): null => null;

export const MAP_LAYERS: readonly LayerDescription[] = [
  {
    id: "tag_coverage", icon: "signal", isOnAtFirst: false, isLive: false, everyMs: 60 * SECOND_MS,
    layers: ({ colours }) => [
      { id: "tag-coverage", type: "fill", source: sourceOf("tag_coverage"), paint: { "fill-color": colours.heard, "fill-opacity": ["interpolate", ["linear"], property("count"), 1, 0.16, 6, 0.4] } },
      { id: "tag-coverage-edges", type: "line", source: sourceOf("tag_coverage"), paint: { "line-color": colours.heard, "line-opacity": 0.5, "line-width": 1 } },
    ],
    signs: (t, { colours }) => [{ mark: "area", colour: colours.heard, text: t.layers.signs.heard }],
    sources: ownSource("tag_coverage"),
    wayTo: nowhere,
  },
  {
    id: "condition", icon: "road", isOnAtFirst: false, isLive: false, everyMs: 60 * SECOND_MS,
    layers: ({ grades }) => gradeLines({ fresh: "condition", stale: "condition-stale" }, sourceOf("condition"), "kind", grades),
    signs: (t, { grades }) => [
      ...GRADES.map((grade) => ({ mark: "line" as const, colour: grades[grade], text: t.roads.grades[grade] ?? grade })),
      { mark: "dashes", colour: grades.unknown, text: t.layers.signs.stale },
    ],
    sources: ownSource("condition"),
    wayTo: ({ id }) => ({ name: "roads", query: { segment: id } }),
  },
  {
    id: "driving", icon: "bolt", isOnAtFirst: false, isLive: false, everyMs: 60 * SECOND_MS,
    layers: ({ colours }) => [
      {
        id: "driving", type: "circle", source: sourceOf("driving"),
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["sqrt", property("count")], 1, 9, 10, 26],
          "circle-color": colours.harsh, "circle-opacity": 0.28, "circle-stroke-color": colours.harsh, "circle-stroke-width": 1.6,
        },
      },
      {
        id: "driving-counts", type: "symbol", source: sourceOf("driving"),
        layout: { "text-field": ["to-string", property("count")], "text-font": FONT, "text-size": 12, "text-allow-overlap": true },
        paint: { "text-color": colours.cellText, "text-halo-color": colours.cellHalo, "text-halo-width": 1.4 },
      },
    ],
    signs: (t, { colours }) => [{ mark: "circle", colour: colours.harsh, text: t.layers.signs.harsh }],
    sources: ownSource("driving"),
    wayTo: () => ({ name: "driving" }),
  },
  {
    id: "furniture", icon: "sign", isOnAtFirst: false, isLive: false, everyMs: 60 * SECOND_MS,
    layers: () => [
      {
        id: "furniture", type: "symbol", source: sourceOf("furniture"),
        layout: {
          "icon-image": ["match", property("kind"), ["missing", "hidden", "damaged"], SIGNS.thingWrong, "unknown", SIGNS.thingUnknown, SIGNS.thing],
          "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 13, 0.45, 16, 0.8],
          "symbol-sort-key": ["match", property("kind"), ["missing", "hidden", "damaged"], 1, 0],
        },
      },
    ],
    signs: (t, { colours }) => [
      { mark: "hollow triangle", colour: colours.thing, text: t.layers.signs.thingFine },
      { mark: "triangle", colour: colours.caseOverdue, text: t.layers.signs.thingWrong },
      { mark: "hollow triangle", colour: colours.gone, text: t.layers.signs.unknownThen },
    ],
    sources: ownSource("furniture"),
    wayTo: ({ id }) => ({ name: "thing", params: { id } }),
  },
  {
    id: "stops", icon: "stop", isOnAtFirst: true, isLive: false, everyMs: 30 * SECOND_MS,
    layers: ({ colours }) => [
      {
        id: "stops-named", type: "circle", source: sourceOf("stops"), filter: isKind("named"),
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 1.6, 16, 4.5], "circle-color": colours.ground,
          "circle-stroke-color": colours.stop, "circle-stroke-width": 1.6,
        },
      },
      {
        id: "stops", type: "symbol", source: sourceOf("stops"), filter: ["!", isKind("named")],
        layout: {
          "icon-image": ["match", property("kind"), "online", SIGNS.stopOnline, "flooded", SIGNS.stopFlooded, "unknown", SIGNS.stopUnknown, SIGNS.stopOffline], "icon-allow-overlap": true, "icon-ignore-placement": true,
          ...nameBelow(14),
        },
        paint: { "text-color": colours.stop, "text-halo-color": colours.halo, "text-halo-width": 1.6 },
      },
    ],
    signs: (t, { colours }) => [
      { mark: "square", colour: colours.stop, text: t.layers.signs.stopOnline },
      { mark: "hollow square", colour: colours.stop, text: t.layers.signs.stopOffline },
      { mark: "square", colour: colours.caseOverdue, text: t.layers.signs.stopFlooded },
      { mark: "hollow square", colour: colours.gone, text: t.layers.signs.unknownThen },
      { mark: "circle", colour: colours.stop, text: t.layers.signs.stopNamed },
    ],
    sources: ownSource("stops"),
    wayTo: ({ id, kind }) => (kind === "named" ? null : { name: "stop", params: { device: id } }),
  },
  {
    id: "findings", icon: "crack", isOnAtFirst: true, isLive: true, everyMs: 0,
    layers: ({ theme, classes }) => [...cellLayers(theme), ...findingLayers(theme, classes)],
    signs: () => [],
    sources: (features) => ({
      [SOURCES.cells]: HIDDEN,
      [SOURCES.findings]: findingFeatures(features.map(({ geometry, properties }) => {
        const [lon, lat] = geometry.coordinates as [number, number];
        const { id, kind, state, severity, value } = properties;
        return { id, lon, lat, class_code: kind, state: state as "open", severity, existence: value ?? 0 };
      })),
    }),
    wayTo: nowhere,
  },
  {
    id: "cases", icon: "file", isOnAtFirst: true, isLive: false, everyMs: 15 * SECOND_MS,
    layers: () => [
      {
        id: "cases", type: "symbol", source: sourceOf("cases"),
        layout: {
          "icon-image": ["case", isKind("overdue"), SIGNS.caseOverdue, SIGNS.caseRunning], "icon-allow-overlap": true, "icon-ignore-placement": true,
          "icon-size": ["interpolate", ["linear"], ["zoom"], 11, 0.6, 15, 0.9], "icon-offset": [11, -11], "symbol-sort-key": ["case", isKind("overdue"), 1, 0],
        },
      },
    ],
    signs: (t, { colours }) => [
      { mark: "diamond", colour: colours.caseRunning, text: t.layers.signs.caseRunning },
      { mark: "diamond", colour: colours.caseOverdue, text: t.layers.signs.caseOverdue },
    ],
    sources: ownSource("cases"),
    wayTo: ({ id }) => ({ name: "case", params: { id } }),
  },
  {
    id: "search", icon: "user", isOnAtFirst: false, isLive: false, everyMs: 10 * SECOND_MS,
    layers: ({ colours }) => [
      {
        id: "search-maybe", type: "fill", source: sourceOf("search"), filter: isKind("maybe"),
        paint: { "fill-color": colours.search, "fill-opacity": ["interpolate", ["linear"], ["sqrt", property("value")], 0, 0.08, 0.6, 0.6] },
      },
      {
        id: "search-last", type: "symbol", source: sourceOf("search"), filter: isKind("last"),
        layout: { "icon-image": SIGNS.lastPlace, "icon-allow-overlap": true, "icon-ignore-placement": true },
      },
    ],
    signs: (t, { colours }) => [
      { mark: "cross", colour: colours.search, text: t.layers.signs.lastPlace },
      { mark: "area", colour: colours.search, text: t.layers.signs.maybe },
    ],
    sources: ownSource("search"),
    wayTo: ({ id }) => ({ name: "look", params: { id } }),
  },
  {
    id: "buses", icon: "bus", isOnAtFirst: true, isLive: true, everyMs: 0,
    layers: ({ theme }) => busLayers(theme),
    signs: () => [],
    sources: (features) => ({
      [SOURCES.buses]: busFeatures(features.map(({ geometry, properties }) => {
        const [lon, lat] = geometry.coordinates as [number, number];
        return { device: properties.name ?? "", presence: properties.kind, pose: { lon, lat, headingDeg: properties.heading_deg ?? 0, speedMps: 0 } };
      })),
    }),
    wayTo: nowhere,
  },
];

export const AT_FIRST: readonly string[] = MAP_LAYERS.filter(({ isOnAtFirst }) => isOnAtFirst).map(({ id }) => id);

export function paintsOf(theme: Theme, classes: ClassColours, grades: GradeColours): Paints {
  return { theme, colours: MAP_COLOURS[theme], classes, grades };
}

/** The style of the map with all layers; which of them are seen is up to `visibilityOf`. */
export function layeredStyle(paints: Paints): StyleSpecification {
  const own = Object.fromEntries(MAP_LAYERS.filter(({ isLive }) => !isLive).map(({ id }) => [sourceOf(id), { type: "geojson" as const, data: HIDDEN }]));
  return { version: 8, sources: { ...emptySources(Object.values(SOURCES)), ...own }, layers: onGround(paints.theme, MAP_LAYERS.flatMap(({ layers }) => layers(paints))) };
}

/** Which layers of the style are seen, by their ids. */
export function visibilityOf(shown: readonly string[], paints: Paints): [string, "visible" | "none"][] {
  return MAP_LAYERS.flatMap((layer) => layer.layers(paints).map(({ id }): [string, "visible" | "none"] => [id, shown.includes(layer.id) ? "visible" : "none"]));
}

/** The layer of the map that a layer of the style belongs to. */
export function layerOfStyle(styleId: string, paints: Paints): LayerDescription | undefined {
  return MAP_LAYERS.find(({ layers }) => layers(paints).some(({ id }) => id === styleId));
}

/** Chosen layers as the address has them; the usual ones are left out. */
export function layersText(shown: readonly string[]): string | null {
  const ids = MAP_LAYERS.map(({ id }) => id).filter((id) => shown.includes(id));
  return ids.join() === AT_FIRST.join() ? null : ids.join() || "none";
}

export function readLayers(text: string | null): readonly string[] {
  return text === null ? AT_FIRST : text.split(",").filter((id) => MAP_LAYERS.some((layer) => layer.id === id));
}

function nameBelow(fromZoom: number): NonNullable<SymbolLayerSpecification["layout"]> {
  return {
    "text-field": ["step", ["zoom"], "", fromZoom, ["coalesce", property("name"), ""]], "text-font": FONT, "text-size": 11, "text-offset": [0, 1.1],
    "text-anchor": "top", "text-optional": true,
  };
}
