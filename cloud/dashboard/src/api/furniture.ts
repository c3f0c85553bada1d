/** Street furniture: what stands where, what is the matter with it, and what a person says of it. */

import { getJson, queryText, sendJson, sendOnly } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Thing = Schemas["ThingFeature"];
export type ThingCollection = Schemas["ThingCollection"];
export type ThingCounts = Schemas["ThingCounts"];
export type ThingDetail = Schemas["ThingDetail"];
export type RefusedList = Schemas["RefusedList"];
export type Taken = Schemas["Taken"];
export type ThingState = Schemas["ThingState"];

export const STATES: readonly ThingState[] = ["missing", "hidden", "damaged", "seen", "expected", "removed"];

export const furniture = {
  list: (question: { kind: string | null; state: string | null; limit: number; cursor: string | null }, signal?: AbortSignal) => getJson<ThingCollection>("/furniture", question, signal),
  ofFinding: (finding: string, signal?: AbortSignal) => getJson<ThingCollection>("/furniture", { finding, limit: 1 }, signal),
  counts: (signal?: AbortSignal) => getJson<ThingCounts>("/furniture/summary", {}, signal),
  thing: (id: string, signal?: AbortSignal) => getJson<ThingDetail>(`/furniture/${encodeURIComponent(id)}`, {}, signal),
  remove: (id: string, reason: string) => sendOnly(`/furniture/${encodeURIComponent(id)}/remove`, { reason }),
  refused: (signal?: AbortSignal) => getJson<RefusedList>("/furniture/lists/refused", {}, signal),
  bring: (file: File) => sendJson<Taken>(`/furniture/lists${queryText({ file: file.name })}`, file, "application/geo+json"),
  keep: (id: string, reason: string) => sendOnly(`/furniture/${encodeURIComponent(id)}/keep`, { reason }),
};
