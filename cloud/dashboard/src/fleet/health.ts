/** How a bus was over time, as charts show it. */

import type { HealthPoint } from "../api/fleet";
import type { Moment } from "../charts/options";

export const MEASURES = ["frames_per_s", "temperature_c", "outbox_depth", "disk_free_bytes"] as const satisfies readonly (keyof HealthPoint)[];
export type Measure = (typeof MEASURES)[number];

const MINUTE_MS = 60_000;
/** A bus speaks of itself once a minute; what lies further apart is not joined. */
const GAP_MS = 15 * MINUTE_MS;

/** One measure of reports that come newest first, oldest first; where the bus said nothing for long, a gap. */
export function momentsOf(reports: readonly HealthPoint[], measure: Measure): Moment[] {
  const known = reports
    .map((report) => [Date.parse(report.at), report[measure]] as const)
    .filter((moment) => moment[1] !== null)
    .sort(([a], [b]) => a - b);
  return known.flatMap((moment, place): Moment[] => {
    const before = known[place - 1];
    return before !== undefined && moment[0] - before[0] > GAP_MS ? [[before[0] + MINUTE_MS, null], moment] : [moment];
  });
}
