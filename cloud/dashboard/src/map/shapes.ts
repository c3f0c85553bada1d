/** GeoJSON for the map's sources. */

import type { Feature, FeatureCollection, Geometry, GeoJsonProperties, LineString, Point, Polygon, Position } from "geojson";

import type { MapCell, MapFinding } from "../api/types";
import type { Pose } from "./motion";

const METRES_PER_DEGREE = 111_320;
const CORNERS = 64;

export function collection<G extends Geometry>(features: Feature<G>[]): FeatureCollection<G> {
  return { type: "FeatureCollection", features };
}

export function point(coordinates: Position, properties: GeoJsonProperties = {}): Feature<Point> {
  return { type: "Feature", geometry: { type: "Point", coordinates }, properties };
}

export function line(coordinates: Position[]): Feature<LineString> {
  return { type: "Feature", geometry: { type: "LineString", coordinates }, properties: {} };
}

export function polygon(ring: Position[], properties: GeoJsonProperties = {}): Feature<Polygon> {
  return { type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties };
}

/** Of the past it may not be known how bad it was thought to be. */
export type DrawnFinding = Omit<MapFinding, "severity"> & { severity: MapFinding["severity"] | null };

/** Findings with their id among the properties, where layers and clicks find it. */
export function findingFeatures(findings: readonly DrawnFinding[]): FeatureCollection {
  return collection(findings.map(({ lon, lat, ...properties }) => point([lon, lat], properties)));
}

/** Cells with how full each is: 0 for a single finding, 1 for the fullest in sight, by the logarithm. */
export function cellFeatures(cells: readonly MapCell[], labelOf: (findings: number) => string): FeatureCollection {
  const most = Math.max(2, ...cells.map(({ findings }) => findings));
  return collection(cells.map(({ ring, ...cell }) => polygon(ring, { ...cell, fullness: Math.log(cell.findings) / Math.log(most), label: labelOf(cell.findings) })));
}

export interface DrawnBus {
  device: string;
  presence: string;
  pose: Pose;
}

export function busFeatures(buses: readonly DrawnBus[]): FeatureCollection {
  return collection(buses.map(({ device, presence, pose }) => point([pose.lon, pose.lat], { device, presence, heading_deg: pose.headingDeg })));
}

/** A circle on the ground as a polygon; good for radii that are small against the earth. */
export function circle(centre: { lon: number; lat: number }, radiusM: number): Feature<Polygon> {
  const latRadius = radiusM / METRES_PER_DEGREE;
  const lonRadius = latRadius / Math.cos((centre.lat * Math.PI) / 180);
  const ring = Array.from({ length: CORNERS + 1 }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / CORNERS;
    return [centre.lon + lonRadius * Math.cos(angle), centre.lat + latRadius * Math.sin(angle)];
  });
  return polygon(ring);
}

export type Box = [number, number, number, number];

/** The box around positions, [west, south, east, north]; null without any. */
export function boxAround(positions: readonly (readonly number[])[]): Box | null {
  const lons = positions.map(([lon = 0]) => lon);
  const lats = positions.map(([, lat = 0]) => lat);
  if (positions.length === 0) {
    return null;
  }
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}
