/** GeoJSON for the map's sources. */

import type { Feature, FeatureCollection, Polygon } from "geojson";

import type { MapCell, MapFinding } from "../api/types";
import type { Pose } from "./motion";

const METRES_PER_DEGREE = 111_320;
const CORNERS = 64;

/** Findings with their id among the properties, where layers and clicks find it. */
export function findingFeatures(findings: readonly MapFinding[]): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: findings.map(({ lon, lat, ...properties }) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [lon, lat] },
      properties,
    })),
  };
}

/** Cells with how full each is: 0 for a single finding, 1 for the fullest in sight, by the logarithm. */
export function cellFeatures(cells: readonly MapCell[], labelOf: (findings: number) => string): FeatureCollection {
  const most = Math.max(2, ...cells.map(({ findings }) => findings));
  return {
    type: "FeatureCollection",
    features: cells.map(({ ring, ...properties }) => ({
      type: "Feature",
      geometry: { type: "Polygon", coordinates: [ring] },
      properties: { ...properties, fullness: Math.log(properties.findings) / Math.log(most), label: labelOf(properties.findings) },
    })),
  };
}

export interface DrawnBus {
  device: string;
  presence: string;
  pose: Pose;
}

export function busFeatures(buses: readonly DrawnBus[]): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: buses.map(({ device, presence, pose }) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [pose.lon, pose.lat] },
      properties: { device, presence, heading_deg: pose.headingDeg },
    })),
  };
}

/** A circle on the ground as a polygon; good for radii that are small against the earth. */
export function circle(centre: { lon: number; lat: number }, radiusM: number): Feature<Polygon> {
  const latRadius = radiusM / METRES_PER_DEGREE;
  const lonRadius = latRadius / Math.cos((centre.lat * Math.PI) / 180);
  const ring = Array.from({ length: CORNERS + 1 }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / CORNERS;
    return [centre.lon + lonRadius * Math.cos(angle), centre.lat + latRadius * Math.sin(angle)];
  });
  return { type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties: {} };
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
