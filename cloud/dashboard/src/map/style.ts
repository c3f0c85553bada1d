/**
 * The style of the map: our own roads on plain ground. No tiles, sprites or glyph server: letters are drawn by the browser
 * (MapLibre does so when a style names no glyphs), so that it works without internet.
 */

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";

import type { Theme } from "../composables/useTheme";
import { MAP_COLOURS, UNKNOWN_CLASS_COLOUR } from "./palette";

export const SOURCES = { roads: "roads", cells: "cells", selected: "selected", findings: "findings", buses: "buses", pulses: "pulses" } as const;
export const LAYERS = { cells: "cells", findings: "findings", buses: "buses" } as const;
export const ICONS = { online: "bus-online", offline: "bus-offline" } as const;
export const SIGNS = {
  caseRunning: "case-running", caseOverdue: "case-overdue", stopOnline: "stop-online", stopOffline: "stop-offline", stopFlooded: "stop-flooded", stopUnknown: "stop-unknown", thing: "thing", thingWrong: "thing-wrong", thingUnknown: "thing-unknown", lastPlace: "last-place",
} as const;

export const FONT = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const AVENUES = ["motorway", "trunk", "primary", "secondary"];
const STREETS_MINOR = ["service", "footway", "path", "cycleway", "track"];
const EMPTY = { type: "FeatureCollection" as const, features: [] };

export type ClassColours = ReadonlyMap<string, string>;

/** Our roads on plain ground with the layers of a page. */
export function groundStyle(theme: Theme, layers: readonly LayerSpecification[]): StyleSpecification {
  return {
    version: 8,
    sources: emptySources([SOURCES.roads, ...layers.flatMap((layer) => ("source" in layer ? [layer.source] : []))]),
    layers: onGround(theme, layers),
  };
}

/** Names of roads can be read over lines and areas, and lie under points. */
export function onGround(theme: Theme, layers: readonly LayerSpecification[]): LayerSpecification[] {
  const isFlat = ({ type }: LayerSpecification): boolean => type === "line" || type === "fill";
  const ground = groundLayers(theme);
  return [
    ...ground.filter(({ type }) => type !== "symbol"),
    ...layers.filter(isFlat),
    ...ground.filter(({ type }) => type === "symbol"),
    ...layers.filter((layer) => !isFlat(layer)),
  ];
}

export function emptySources(names: readonly string[]): StyleSpecification["sources"] {
  return Object.fromEntries(names.map((name) => [name, { type: "geojson", data: EMPTY }]));
}

function groundLayers(theme: Theme): LayerSpecification[] {
  const colours = MAP_COLOURS[theme];
  const line = { "line-cap": "round", "line-join": "round" } as const;
  return [
    { id: "ground", type: "background", paint: { "background-color": colours.ground } },
    {
      id: "road-casing", type: "line", source: SOURCES.roads, layout: line,
      paint: { "line-color": colours.casing, "line-width": roadWidth(1.6) },
    },
    {
      id: "road", type: "line", source: SOURCES.roads, layout: line,
      paint: {
        "line-color": ["match", ["get", "kind"], AVENUES, colours.avenue, colours.street],
        "line-width": roadWidth(0),
      },
    },
    {
      id: "road-name", type: "symbol", source: SOURCES.roads, minzoom: 13.2,
      layout: {
        "symbol-placement": "line",
        "symbol-spacing": 420,
        "text-field": ["coalesce", ["get", "name"], ""],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 13, 10.5, 17, 13],
        "text-letter-spacing": 0.08,
        "text-max-angle": 30,
        "text-padding": 12,
      },
      paint: { "text-color": colours.roadName, "text-halo-color": colours.halo, "text-halo-width": 1.4 },
    },
  ];
}

/** From far away: how many there are in a cell, and whether a heavy one is among them. */
export function cellLayers(theme: Theme): LayerSpecification[] {
  const colours = MAP_COLOURS[theme];
  const isHeavy: ExpressionSpecification = ["==", ["get", "worst_severity"], "heavy"];
  return [
    {
      id: LAYERS.cells, type: "fill", source: SOURCES.cells,
      paint: {
        "fill-color": ["interpolate-lab", ["linear"], ["get", "fullness"], 0, colours.cellFew, 1, colours.cellMany],
        "fill-opacity": 0.72,
      },
    },
    {
      id: "cell-edges", type: "line", source: SOURCES.cells,
      layout: { "line-sort-key": ["case", isHeavy, 1, 0], "line-join": "round" },
      paint: {
        "line-color": ["case", isHeavy, colours.cellHeavy, colours.cellHalo],
        "line-width": ["case", isHeavy, 1.6, 1],
        "line-opacity": ["case", isHeavy, 0.9, 0.6],
      },
    },
    {
      id: "cell-counts", type: "symbol", source: SOURCES.cells,
      layout: {
        "symbol-sort-key": ["-", 0, ["get", "findings"]],
        "text-field": ["get", "label"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["get", "fullness"], 0, 11, 1, 14],
        "text-padding": 1,
      },
      paint: { "text-color": colours.cellText, "text-halo-color": colours.cellHalo, "text-halo-width": 1.3 },
    },
  ];
}

export function findingLayers(theme: Theme, classColours: ClassColours): LayerSpecification[] {
  const colours = MAP_COLOURS[theme];
  const colour = classColour(classColours);
  const isOpen: ExpressionSpecification = ["==", ["get", "state"], "open"];
  const isGone: ExpressionSpecification = ["==", ["get", "state"], "gone"];
  return [
    {
      id: "pulses", type: "circle", source: SOURCES.pulses,
      paint: {
        "circle-radius": ["get", "radius"],
        "circle-opacity": 0,
        "circle-stroke-color": colour,
        "circle-stroke-width": 2,
        "circle-stroke-opacity": ["get", "opacity"],
      },
    },
    {
      id: "selected", type: "circle", source: SOURCES.selected,
      paint: {
        "circle-radius": findingRadius(7),
        "circle-color": colours.accent,
        "circle-opacity": 0.22,
        "circle-stroke-color": colours.accent,
        "circle-stroke-width": 2,
      },
    },
    {
      id: LAYERS.findings, type: "circle", source: SOURCES.findings,
      layout: { "circle-sort-key": ["get", "existence"] },
      paint: {
        "circle-radius": findingRadius(0),
        "circle-color": ["case", isOpen, colour, colours.ground],
        "circle-opacity": ["case", isOpen, ["interpolate", ["linear"], ["get", "existence"], 0.4, 0.45, 1, 1], 0.6],
        "circle-stroke-color": ["case", isOpen, colours.outline, isGone, colours.gone, colour],
        "circle-stroke-width": ["case", isOpen, 1.5, isGone, 1.5, 2],
        "circle-stroke-opacity": ["case", isOpen, 1, ["interpolate", ["linear"], ["get", "existence"], 0, 0.45, 0.6, 1]],
      },
    },
  ];
}

export function busLayers(theme: Theme): LayerSpecification[] {
  const colours = MAP_COLOURS[theme];
  return [
    {
      id: LAYERS.buses, type: "symbol", source: SOURCES.buses,
      layout: {
        "icon-image": ["case", ["==", ["get", "presence"], "online"], ICONS.online, ICONS.offline],
        "icon-rotate": ["get", "heading_deg"],
        "icon-rotation-alignment": "map",
        "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.55, 15, 1],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
        "text-field": ["step", ["zoom"], "", 12.5, ["get", "device"]],
        "text-font": FONT,
        "text-size": 11,
        "text-offset": [0, 1.35],
        "text-anchor": "top",
        "text-optional": true,
      },
      paint: { "text-color": colours.bus, "text-halo-color": colours.halo, "text-halo-width": 1.6 },
    },
  ];
}

/** Pixels; `margin` widens on both sides. */
function roadWidth(marginPx: number): ExpressionSpecification {
  const at = (avenue: number, street: number, minor: number): ExpressionSpecification => [
    "match", ["get", "kind"], AVENUES, avenue + marginPx, STREETS_MINOR, minor + marginPx, street + marginPx,
  ];
  return [
    "interpolate", ["exponential", 1.5], ["zoom"],
    10, at(1.4, 0.6, 0.3),
    13, at(4, 2.2, 1),
    16, at(13, 8, 3.5),
    19, at(46, 30, 12),
  ];
}

/** Pixels by probability and zoom: what is more likely to exist is larger. */
function findingRadius(marginPx: number): ExpressionSpecification {
  const at = (scale: number): ExpressionSpecification => [
    "+", marginPx, ["*", scale, ["interpolate", ["linear"], ["get", "existence"], 0, 4.5, 0.5, 6, 1, 8.5]],
  ];
  return ["interpolate", ["linear"], ["zoom"], 10, at(0.4), 13, at(0.6), 15, at(1), 18, at(1.7)];
}

function classColour(classColours: ClassColours): ExpressionSpecification {
  const known: ExpressionSpecification = ["literal", Object.fromEntries(classColours)];
  return ["to-color", ["coalesce", ["get", ["get", "class_code"], known], UNKNOWN_CLASS_COLOUR]];
}
