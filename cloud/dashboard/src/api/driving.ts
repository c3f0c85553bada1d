/** Safe driving: incidents with their evidence, reviews and scores; and for drivers, what is said of them. */

import { API_ROOT, getJson, sendJson, sendOnly } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Incident = Schemas["IncidentView"];
export type IncidentDetail = Schemas["IncidentDetail"];
export type IncidentPage = Schemas["IncidentPage"];
export type MotionMoment = Schemas["MotionView"];
export type Review = Schemas["Review"];
export type ReviewState = Schemas["ReviewState"];
export type Score = Schemas["ScoreView"];
export type ScoreList = Schemas["ScoreList"];

export type Clip = Schemas["ClipView"];
export type DriverLook = Schemas["DriverLookView"];
export type Whereabouts = Schemas["WhereaboutsView"];
export type Driven = Schemas["DrivenView"];
export type DriverRecord = Schemas["RecordView"];
export type RecordLine = Schemas["RecordLineView"];

export const GROUNDS = ["accident", "complaint", "coaching", "objection", "working_time", "shift", "authority"] as const satisfies readonly DriverLook["kind"][];

export interface IncidentFilter {
  state: ReviewState | null;
  cursor: string | null;
}

export const driving = {
  list: (filter: IncidentFilter, signal?: AbortSignal) => getJson<IncidentPage>("/driving/incidents", { ...filter }, signal),
  one: (id: string, signal?: AbortSignal) => getJson<IncidentDetail>(`/driving/incidents/${encodeURIComponent(id)}`, {}, signal),
  review: (id: string, action: Review, version: number, reason: string | null) =>
    sendOnly(`/driving/incidents/${encodeURIComponent(id)}/reviews`, { action, version, reason }),
  scores: (by: ScoreList["by"], signal?: AbortSignal) => getJson<ScoreList>("/driving/scores", { by }, signal),
  mine: (cursor: string | null, signal?: AbortSignal) => getJson<IncidentPage>("/driving/mine", { cursor }, signal),
  myOne: (id: string, signal?: AbortSignal) => getJson<IncidentDetail>(`/driving/mine/${encodeURIComponent(id)}`, {}, signal),
  myScore: (signal?: AbortSignal) => getJson<ScoreList>("/driving/mine/score", {}, signal),
  looks: (signal?: AbortSignal) => getJson<{ items: DriverLook[] }>("/driving/looks", {}, signal),
  ask: (wish: Schemas["DriverLookBody"]) => sendJson<{ id: string }>("/driving/looks", JSON.stringify(wish), "application/json"),
  approve: (look: string) => sendOnly(`${ofLook(look)}/approve`, {}),
  close: (look: string, outcome: string) => sendOnly(`${ofLook(look)}/close`, { outcome }),
  view: (look: string, signal?: AbortSignal) => getJson<Whereabouts>(`${ofLook(look)}/view`, {}, signal),
  myRecord: (signal?: AbortSignal) => getJson<DriverRecord>("/driving/my-record", {}, signal),
  object: (id: string, text: string) => sendOnly(`/driving/mine/${encodeURIComponent(id)}/objection`, { text }),
};

/** Where a clip of an incident lies: for who reviews it, or for who drove. */
export function clipUrl(id: string, number: number, isOwn: boolean): string {
  return `${API_ROOT}/driving/${isOwn ? "mine" : "incidents"}/${encodeURIComponent(id)}/clips/${number}`;
}

function ofLook(look: string): string {
  return `/driving/looks/${encodeURIComponent(look)}`;
}
