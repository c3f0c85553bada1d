/** A bus's wanted and reported twin, compared; and what it says of itself. */

import type { Asked, Twin } from "../api/fleet";

export interface TwinRow {
  key: string;
  wanted: unknown;
  reported: unknown;
  isDifferent: boolean;
}

/** Each setting of either side, in alphabetical order; what is missing goes by the bus's own file. */
export function twinRows({ wanted, reported }: Pick<Twin, "wanted" | "reported">): TwinRow[] {
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(reported)])].sort();
  return keys.map((key) => ({ key, wanted: wanted[key], reported: reported[key], isDifferent: wanted[key] !== reported[key] }));
}

/** `untold` and `told`: the bus has not answered yet; `refused`: it stays as it was; `other`: it reports something else. */
export type TwinState = "nothing" | "untold" | "told" | "refused" | "other" | "same";

export function twinState(twin: Twin): TwinState {
  if (twin.wanted_version === 0) {
    return "nothing";
  }
  if (twin.reported_version < twin.wanted_version) {
    return twin.told_at === null ? "untold" : "told";
  }
  if (twin.problem !== null) {
    return "refused";
  }
  return twinRows(twin).some(({ isDifferent }) => isDifferent) ? "other" : "same";
}

export type CommandState = "answered" | "told" | "expired" | "waiting";

export function commandState({ answered_at: answeredAt, told_at: toldAt, expires_at: expiresAt }: Asked, now: Date): CommandState {
  if (answeredAt !== null) {
    return "answered";
  }
  if (toldAt !== null) {
    return "told";
  }
  return Date.parse(expiresAt) <= now.getTime() ? "expired" : "waiting";
}

/** A number of what a bus says of itself. */
export function numberIn(health: Readonly<Record<string, unknown>> | null, key: string): number | null {
  const value = health?.[key];
  return typeof value === "number" ? value : null;
}

export function textIn(health: Readonly<Record<string, unknown>> | null, key: string): string | null {
  const value = health?.[key];
  return typeof value === "string" ? value : null;
}

/** Names and versions of the models on board. */
export function modelsIn(health: Readonly<Record<string, unknown>> | null): string[] {
  const models = health?.["models"];
  return Array.isArray(models) ? models.filter(isModel).map(({ name, version }) => `${name} ${version}`) : [];
}

function isModel(value: unknown): value is { name: string; version: string } {
  return typeof value === "object" && value !== null && "name" in value && "version" in value;
}
