/** A MapLibre map in an element of the page; it goes when the component goes. */

import "maplibre-gl/dist/maplibre-gl.css";
import "./map.css";

import {
  Map as MapLibre,
  MapMouseEvent,
  setWorkerUrl,
  type LngLatBoundsLike,
  type MapGeoJSONFeature,
  type StyleSpecification,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { onBeforeUnmount, onMounted, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import type { Theme } from "../composables/useTheme";
import { busIcon, ICON_SCALE, signIcon } from "./icons";
import { MAP_COLOURS } from "./palette";
import { drawSparingly } from "./sparing";
import { ICONS, SIGNS } from "./style";

type PaintName = Parameters<MapLibre["setPaintProperty"]>[1];

setWorkerUrl(workerUrl);

/** A finger or a mouse need not meet a thing exactly. */
const REACH_PX = 6;
/** An arrow moves the map by a hundred pixels: whatever is there gets into the frame in its middle. */
const KEY_REACH_PX = 50;

export interface MapOptions {
  style: StyleSpecification;
  theme: Theme;
  isInteractive: boolean;
  label: string;
  /** The page around the map is enlarged so much (the wall display); the map then draws finer. */
  enlargement?: number;
}

export interface MapHandle {
  /** Set once the style is loaded. */
  map: ShallowRef<MapLibre | null>;
  /** The browser cannot draw it (no WebGL). */
  isUnsupported: ShallowRef<boolean>;
}

/** Above ground: names, rotation and tilt are of no use to a flat network of roads. */
export function useMap(element: Ref<HTMLElement | null>, options: () => MapOptions): MapHandle {
  const map = shallowRef<MapLibre | null>(null);
  const isUnsupported = shallowRef(false);
  let made: MapLibre | null = null;

  onMounted(() => {
    if (element.value === null) {
      return;
    }
    try {
      made = makeMap(element.value, options());
    } catch {
      isUnsupported.value = true;
      return;
    }
    const ready = made;
    // MapLibre would name it once, in the language of then.
    watch(() => options().label, (label) => ready.getCanvas().setAttribute("aria-label", label), { immediate: true });
    ready.on("load", () => {
      drawSparingly(ready);
      drawIcons(ready, options().theme);
      map.value = ready;
    });
  });
  onBeforeUnmount(() => {
    map.value = null;
    made?.remove();
  });
  return { map, isUnsupported };
}

function makeMap(container: HTMLElement, { style, isInteractive, enlargement = 1 }: MapOptions): MapLibre {
  const map = new MapLibre({
    container,
    style,
    center: [0, 0],
    zoom: 1,
    maxZoom: 20,
    interactive: isInteractive,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0,
    pixelRatio: devicePixelRatio * enlargement,
  });
  map.touchZoomRotate.disableRotation();
  return map;
}

export function drawIcons(map: MapLibre, theme: Theme): void {
  const colours = MAP_COLOURS[theme];
  const pictures = {
    [ICONS.online]: busIcon(colours, true),
    [ICONS.offline]: busIcon(colours, false),
    [SIGNS.caseRunning]: signIcon("diamond", colours.caseRunning, colours.outline),
    [SIGNS.caseOverdue]: signIcon("diamond", colours.caseOverdue, colours.outline),
    [SIGNS.stopOnline]: signIcon("square", colours.stop, colours.outline),
    [SIGNS.stopOffline]: signIcon("square", colours.stop, colours.outline, true),
    [SIGNS.stopFlooded]: signIcon("square", colours.caseOverdue, colours.outline),
    [SIGNS.stopUnknown]: signIcon("square", colours.gone, colours.outline, true),
    [SIGNS.thing]: signIcon("triangle", colours.thing, colours.outline, true),
    [SIGNS.thingWrong]: signIcon("triangle", colours.caseOverdue, colours.outline),
    [SIGNS.thingUnknown]: signIcon("triangle", colours.gone, colours.outline, true),
    [SIGNS.lastPlace]: signIcon("cross", colours.search, colours.outline),
  };
  for (const [name, picture] of Object.entries(pictures)) {
    if (map.hasImage(name)) {
      map.removeImage(name);
    }
    map.addImage(name, picture, { pixelRatio: ICON_SCALE });
  }
}

/** Give every layer the colours and the filter of another style with the same layers; sources and their data stay. */
export function repaint(map: MapLibre, style: StyleSpecification, theme: Theme): void {
  for (const layer of style.layers) {
    for (const [name, value] of Object.entries(layer.paint ?? {})) {
      map.setPaintProperty(layer.id, name as PaintName, value);
    }
    if ("filter" in layer) {
      map.setFilter(layer.id, layer.filter);
    }
  }
  drawIcons(map, theme);
}

/** By a click, or by Enter while the map has the focus: what is in the frame that is shown in its middle then. */
export function whenClicked(map: MapLibre, listen: (event: MapMouseEvent) => void): void {
  map.on("click", listen);
  map.getCanvasContainer().classList.add("with-frame");
  map.getCanvas().addEventListener("keydown", ({ key }) => key === "Enter" && listen(middleOf(map)));
}

/** A click in the middle of the map, without a button: its `detail` is none. */
export function middleOf(map: MapLibre): MapMouseEvent {
  const { left, top, width, height } = map.getCanvas().getBoundingClientRect();
  return new MapMouseEvent("click", map, new MouseEvent("click", { clientX: left + width / 2, clientY: top + height / 2 }));
}

/** What a click or a pointer meets: the topmost first; by a key the nearest. */
export function metBy(map: MapLibre, { point: { x, y }, originalEvent }: MapMouseEvent, layers: string[]): MapGeoJSONFeature[] {
  const isByKey = originalEvent.type === "click" && originalEvent.detail === 0;
  const reach = isByKey ? KEY_REACH_PX : REACH_PX;
  const met = map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers });
  const distance = ({ geometry }: MapGeoJSONFeature): number => {
    const at = geometry.type === "Point" ? map.project(geometry.coordinates as [number, number]) : { x: x + reach, y: y + reach };
    return Math.hypot(at.x - x, at.y - y);
  };
  return isByKey ? met.sort((one, other) => distance(one) - distance(other)) : met;
}

/** By a click on one of the layers, or near it, its property; by a click elsewhere null. */
export function whenChosen(map: MapLibre, layers: string[], property: string, choose: (value: string | null) => void): void {
  whenClicked(map, (event) => {
    const value: unknown = metBy(map, event, layers)[0]?.properties[property];
    choose(typeof value === "string" ? value : null);
  });
  layers.forEach((layer) => {
    map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  });
}

/** Pixels of the map that something lies over. */
export interface Covered {
  right: number;
  bottom: number;
}

export function fit(map: MapLibre, bounds: LngLatBoundsLike, maxZoom: number, isAnimated: boolean, covered: Covered = { right: 0, bottom: 0 }): void {
  const edge = Math.min(48, map.getContainer().clientWidth * 0.05);
  const padding = { top: edge, left: edge, right: edge + covered.right, bottom: edge + covered.bottom };
  map.fitBounds(bounds, { padding, maxZoom, animate: isAnimated, duration: 600 });
}
