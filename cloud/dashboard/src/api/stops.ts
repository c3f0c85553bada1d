/** A stop with its sensors. */

import { getJson } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Sensor = Schemas["SensorView"];
export type Stop = Schemas["StopView"];

export const stops = {
  one: (device: string, hours: number, signal?: AbortSignal) => getJson<Stop>(`/stops/${encodeURIComponent(device)}`, { hours }, signal),
};
