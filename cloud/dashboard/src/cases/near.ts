/** Which other cases may be the same matter: near, and of the same group before others. */

import { api } from "../api/client";
import type { CaseItem } from "../api/types";
import { boxAround, circle } from "../map/shapes";

export const NEAR_M = 150;
const METRES_PER_DEGREE = 111_320;
const GONE: ReadonlySet<string> = new Set(["merged", "rejected"]);

export interface NearCase {
  item: CaseItem;
  distanceM: number;
}

export async function fetchNear(item: CaseItem, signal: AbortSignal): Promise<NearCase[]> {
  const bbox = boxAround(circle(item, NEAR_M).geometry.coordinates.flat());
  const page = await api.cases({ bbox, limit: 50 }, signal);
  return nearOf(item, page.items);
}

/** The same class first, then the nearest. */
export function nearOf(item: CaseItem, others: readonly CaseItem[]): NearCase[] {
  return others
    .filter((other) => other.id !== item.id && !GONE.has(other.state))
    .map((other) => ({ item: other, distanceM: distanceM(item, other) }))
    .filter((near) => near.distanceM <= NEAR_M)
    .sort((a, b) => Number(b.item.class_code === item.class_code) - Number(a.item.class_code === item.class_code) || a.distanceM - b.distanceM);
}

interface Place {
  lon: number;
  lat: number;
}

/** Good within a town. */
export function distanceM(a: Place, b: Place): number {
  const north = (b.lat - a.lat) * METRES_PER_DEGREE;
  const east = (b.lon - a.lon) * METRES_PER_DEGREE * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(north, east);
}
