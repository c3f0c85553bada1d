/** What of the findings is shown at a place of the map: pure functions. */

import type { Finding, FindingState, MapFinding, MapFindings } from "../api/types";
import type { Box } from "./shapes";

/** Of the screen's width and height, on each side: a short pan shows what is there already. */
const MARGIN = 0.25;
/** Zoom levels after which the cells, or whether there are any, may be others. */
const ZOOM_STEP = 0.5;

export interface Look {
  box: Box;
  zoom: number;
}

/** The middle of the map and how near it is. */
export interface Place {
  lon: number;
  lat: number;
  zoom: number;
}

export interface Wanted {
  classCode: string | null;
  states: readonly FindingState[];
}

/** The look with its margin, within the earth. */
export function widened({ box: [west, south, east, north], zoom }: Look): Look {
  const marginLon = (east - west) * MARGIN;
  const marginLat = (north - south) * MARGIN;
  return {
    box: [Math.max(-180, west - marginLon), Math.max(-90, south - marginLat), Math.min(180, east + marginLon), Math.min(90, north + marginLat)],
    zoom,
  };
}

/** Whether what was fetched for one look is enough for another. */
export function isEnough(fetched: Look | null, now: Look): boolean {
  if (fetched === null) {
    return false;
  }
  const [west, south, east, north] = fetched.box;
  return Math.abs(fetched.zoom - now.zoom) < ZOOM_STEP && west <= Math.max(-180, now.box[0]) && south <= Math.max(-90, now.box[1])
    && east >= Math.min(180, now.box[2]) && north >= Math.min(90, now.box[3]);
}

/** A place as the address has it: metres are enough. */
export function placeText({ lon, lat, zoom }: Place): string {
  return `${lon.toFixed(5)},${lat.toFixed(5)},${zoom.toFixed(2)}`;
}

export function readPlace(text: string | null): Place | null {
  const [lon = NaN, lat = NaN, zoom = NaN, ...more] = (text ?? "").split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  const isPlace = Math.abs(lon) <= 180 && Math.abs(lat) <= 85 && zoom >= 0 && zoom <= 20 && more.length === 0;
  return isPlace ? { lon, lat, zoom } : null;
}

export function isWithin([west, south, east, north]: Box, lon: number, lat: number): boolean {
  return west <= lon && lon <= east && south <= lat && lat <= north;
}

/** The view after events told of findings, the newest last: each is new, changed, moved away, or no longer wanted. */
export function withFindings(view: MapFindings, told: readonly Finding[], box: Box, wanted: Wanted): MapFindings {
  const newest = new Map(told.map((finding) => [finding.id, finding]));
  const others = view.findings.filter(({ id }) => !newest.has(id));
  return { ...view, findings: [...others, ...[...newest.values()].map(drawn).filter((finding) => belongs(finding, box, wanted))] };
}

function drawn({ id, geometry, properties: { class_code, state, severity, existence } }: Finding): MapFinding {
  const [lon = 0, lat = 0] = geometry.coordinates;
  return { id, lon, lat, class_code, state, severity, existence };
}

function belongs({ lon, lat, state, class_code }: MapFinding, box: Box, wanted: Wanted): boolean {
  return isWithin(box, lon, lat) && wanted.states.includes(state) && (wanted.classCode ?? class_code) === class_code;
}
