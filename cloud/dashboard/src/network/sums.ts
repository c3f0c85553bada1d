/** Sums over what came of buses and stops. */

import type { HourHeard, Station } from "../api/network";

const HOUR_MS = 3_600_000;

export function messagesOf(station: Station): number {
  return station.ways.reduce((total, way) => total + way.messages, 0);
}

/** Messages by how late they came, over all ways. */
export function lateOf(stations: readonly Station[]): number[] {
  const late: number[] = [];
  for (const way of stations.flatMap(({ ways }) => ways)) {
    way.late.forEach((count, place) => (late[place] = (late[place] ?? 0) + count));
  }
  return late;
}

/** Upper bound of the class in which the middle message lies; Infinity in the last, null without any. */
export function medianBound(late: readonly number[], bounds: readonly number[]): number | null {
  const half = late.reduce((total, count) => total + count, 0) / 2;
  let before = 0;
  for (const [place, count] of late.entries()) {
    before += count;
    if (before >= half && before > 0) {
      return bounds[place] ?? Infinity;
    }
  }
  return null;
}

/** Share that came within the first `classes` classes; null without any. */
export function shareWithin(late: readonly number[], classes: number): number | null {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return sum(late) === 0 ? null : sum(late.slice(0, classes)) / sum(late);
}

export interface HourCell {
  atMs: number;
  devices: number;
}

/** Every hour that has begun since then, in order; those in which nobody was heard too. */
export function everyHour(hours: readonly HourHeard[], sinceMs: number, untilMs: number): HourCell[] {
  const heard = new Map(hours.map(({ at, devices }) => [Date.parse(at), devices]));
  const cells: HourCell[] = [];
  for (let atMs = sinceMs; atMs <= untilMs; atMs += HOUR_MS) {
    cells.push({ atMs, devices: heard.get(atMs) ?? 0 });
  }
  return cells;
}
