/** What each bus and stop tells, by which way and how late, and where nobody passes. */

import { getJson } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Gap = NonNullable<Station["gap"]>;
export type GapCollection = Schemas["GapCollection"];
export type HourHeard = Schemas["HourHeard"];
export type NetworkView = Schemas["NetworkView"];
export type RoadGap = Schemas["RoadGap"];
export type RoadGaps = Schemas["RoadGaps"];
export type Station = Schemas["Station"];

export const network = {
  view: (days: number, signal?: AbortSignal) => getJson<NetworkView>("/network", { days }, signal),
  roads: (days: number, signal?: AbortSignal) => getJson<RoadGaps>("/network/roads", { days }, signal),
  segments: (days: number, signal?: AbortSignal) => getJson<GapCollection>("/network/segments", { days, limit: 20_000 }, signal),
};
