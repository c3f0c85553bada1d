/** The one way to the API: typed requests, problems as errors. */

import { endWith } from "./endWith";
import { authorization } from "./identity";
import type {
  ActionBody,
  BusList,
  CaseDetail,
  CasePage,
  Catalogue,
  ConditionSummary,
  DeliveryPage,
  Extent,
  FindingDetail,
  FindingPage,
  FindingState,
  Jobs,
  MapView,
  Me,
  Organisation,
  RoadCollection,
  SegmentCollection,
  SegmentDetail,
  SegmentItem,
  StaleItem,
  Summary,
} from "./types";

export const API_ROOT = "/api/v1";

/** Who has not been answered by then waits for nothing: the line is dead. */
const LONGEST_MS = 60_000;
const MOST_SEGMENTS = 5000;
const LISTED_SEGMENTS = 100;

type Value = string | number | boolean | null | undefined;
type Query = Readonly<Record<string, Value | readonly string[]>>;

/** The server answered with a problem (RFC 9457), or with something that is not ours. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string | null,
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail ?? title);
  }

  /** A token is missing, unknown, or not allowed to. */
  get isForbidden(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** There is no such thing, or nothing can have such an id. */
  get isMissing(): boolean {
    return this.status === 404 || this.status === 422;
  }

  /** After a conflict: the case as it is now. */
  get presentCase(): CaseDetail | null {
    return this.status === 409 ? ((this.body["case"] as CaseDetail | undefined) ?? null) : null;
  }
}

/** The server could not be reached. */
export class OfflineError extends Error {}

export interface FindingFilter {
  classCode?: string | null;
  state?: string | null;
  bbox?: readonly number[] | null;
  limit?: number;
  cursor?: string | null;
}

export interface CaseFilter {
  classCode?: string | null;
  states?: readonly string[];
  severity?: string | null;
  unit?: string | null;
  crew?: string | null;
  number?: string | null;
  bbox?: readonly number[] | null;
  isOverdue?: boolean | null;
  needsPerson?: boolean | null;
  asksSuspension?: boolean | null;
  sort?: "newest" | "due";
  limit?: number;
  cursor?: string | null;
}

export interface MapFilter {
  bbox: readonly number[];
  zoom: number;
  classCode: string | null;
  states: readonly FindingState[];
}

export interface PhotoUpload {
  kind: "before" | "after";
  content: Blob;
  lon?: number | null;
  lat?: number | null;
}

export const api = {
  findings: (filter: FindingFilter, signal?: AbortSignal) =>
    getJson<FindingPage>("/findings", {
      bbox: filter.bbox?.join(","),
      class: filter.classCode,
      state: filter.state,
      limit: filter.limit,
      cursor: filter.cursor,
    }, signal),
  finding: (id: string, signal?: AbortSignal) => getJson<FindingDetail>(`/findings/${encodeURIComponent(id)}`, {}, signal),
  map: ({ bbox, zoom, classCode, states }: MapFilter, signal?: AbortSignal) =>
    getJson<MapView>("/map", { bbox: bbox.map((degrees) => degrees.toFixed(6)).join(","), zoom: zoom.toFixed(2), class: classCode, state: states }, signal),
  cases: (filter: CaseFilter, signal?: AbortSignal) =>
    getJson<CasePage>("/cases", {
      class: filter.classCode,
      state: filter.states,
      severity: filter.severity,
      unit: filter.unit,
      crew: filter.crew,
      number: filter.number,
      bbox: filter.bbox?.join(","),
      overdue: filter.isOverdue,
      needs_person: filter.needsPerson,
      asks_suspension: filter.asksSuspension,
      sort: filter.sort,
      limit: filter.limit,
      cursor: filter.cursor,
    }, signal),
  case: (id: string, signal?: AbortSignal) => getJson<CaseDetail>(`/cases/${encodeURIComponent(id)}`, {}, signal),
  /** What a person says of findings; answered before the findings follow. */
  decide: (id: string, what: "merge" | "different" | "split", body: { reason: string; other?: string; observations?: string[] }) =>
    sendJson<{ id: string }>(`/findings/${encodeURIComponent(id)}/${what}`, JSON.stringify(body), "application/json"),
  undoDecision: (id: string, body: { reason: string }) =>
    sendJson<{ id: string }>(`/finding-decisions/${encodeURIComponent(id)}/undo`, JSON.stringify(body), "application/json"),
  deliveries: (filter: { state: string | null; cursor: string | null }, signal?: AbortSignal) => getJson<DeliveryPage>("/deliveries", { ...filter, limit: 100 }, signal),
  replayDelivery: (id: string) => send(`/deliveries/${encodeURIComponent(id)}/replay`),
  act: (id: string, body: ActionBody, key: string, crew?: string) =>
    sendJson<CaseDetail>(`/cases/${encodeURIComponent(id)}/actions`, JSON.stringify(body), "application/json", key, "POST", meantBy(crew)),
  addPhoto: (id: string, { kind, content, lon, lat }: PhotoUpload, key: string, crew: string) =>
    sendJson<CaseDetail>(`/cases/${encodeURIComponent(id)}/photos${queryText({ kind, lon, lat })}`, content, content.type, key, "POST", meantBy(crew)),
  jobs: (crew: string, where: { lon: number; lat: number } | null) =>
    getJson<Jobs>("/crew/jobs", where === null ? {} : { lon: where.lon, lat: where.lat }, undefined, meantBy(crew)),
  me: (signal?: AbortSignal) => getJson<Me>("/me", {}, signal),
  organisation: (signal?: AbortSignal) => getJson<Organisation>("/organisation", {}, signal),
  buses: (signal?: AbortSignal) => getJson<BusList>("/buses", {}, signal),
  roads: (bbox: readonly number[] | null, signal?: AbortSignal) =>
    getJson<RoadCollection>("/roads", { bbox: bbox?.join(",") }, signal),
  segments: (bbox: readonly number[] | null, signal?: AbortSignal) =>
    getJson<SegmentCollection>("/segments", { bbox: bbox?.join(","), limit: MOST_SEGMENTS }, signal),
  segment: (id: string, signal?: AbortSignal) => getJson<SegmentDetail>(`/segments/${encodeURIComponent(id)}`, {}, signal),
  conditionSummary: (signal?: AbortSignal) => getJson<ConditionSummary>("/condition/summary", {}, signal),
  worstSegments: (signal?: AbortSignal) => getJson<{ items: SegmentItem[] }>("/condition/worst", { limit: LISTED_SEGMENTS }, signal),
  staleSegments: (signal?: AbortSignal) => getJson<{ items: StaleItem[] }>("/condition/stale", { limit: LISTED_SEGMENTS, reachable: true }, signal),
  extent: (signal?: AbortSignal) => getJson<Extent>("/extent", {}, signal),
  summary: (signal?: AbortSignal) => getJson<Summary>("/summary", {}, signal),
  catalogue: (signal?: AbortSignal) => getJson<Catalogue>("/catalogue", {}, signal),
};

/** A file of the road condition. */
export function conditionUrl(what: "export.csv" | "export.geojson" | "report", query: Query = {}): string {
  return `${API_ROOT}/condition/${what}${queryText(query)}`;
}

export function pictureUrl(sha256: string): string {
  return `${API_ROOT}/pictures/${sha256}`;
}

/** A key for one action, drawn once: sent again with the same key, it happens once. */
export function drawKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a crew means is refused when somebody else has signed in on its phone meanwhile. */
function meantBy(crew?: string): Record<string, string> {
  return crew === undefined ? {} : { "X-Busense-Crew": crew };
}

export async function getJson<T>(path: string, query: Query, signal?: AbortSignal, headers: Record<string, string> = {}): Promise<T> {
  return readJson<T>(await reach(`${API_ROOT}${path}${queryText(query)}`, { signal: inTime(signal), headers }));
}

export async function getBlob(path: string, signal?: AbortSignal): Promise<Blob> {
  return getFile(`${API_ROOT}${path}`, signal);
}

/** By its whole address, as `pictureUrl` and `conditionUrl` have it. */
export async function getFile(url: string, signal?: AbortSignal): Promise<Blob> {
  return readBlob(await reach(url, { signal: signal ?? null, headers: { Accept: "*/*" } }));
}

export async function postForBlob(path: string, body: object): Promise<Blob> {
  const headers = { Accept: "*/*", "Content-Type": "application/json" };
  return readBlob(await reach(`${API_ROOT}${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

/** Any request of JSON; null is what an answer without a body says. */
export async function ask<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await reach(`${API_ROOT}${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: method === "GET" ? inTime(signal) : (signal ?? null) });
  if (!response.ok) {
    throw await problemOf(response);
  }
  return (response.status === 204 ? null : await response.json()) as T;
}

export async function sendJson<T>(path: string, body: BodyInit, mediaType: string, key?: string, method: "POST" | "PUT" | "DELETE" = "POST", more: Record<string, string> = {}): Promise<T> {
  const headers = { "Content-Type": mediaType, ...more, ...(key === undefined ? {} : { "Idempotency-Key": key }) };
  return readJson<T>(await reach(`${API_ROOT}${path}`, { method, body, headers }));
}

/** Send something that is answered with nothing. */
export async function sendOnly(path: string, body: object): Promise<void> {
  const response = await reach(`${API_ROOT}${path}`, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  if (!response.ok) {
    throw await problemOf(response);
  }
}

async function send(path: string): Promise<void> {
  const response = await reach(`${API_ROOT}${path}`, { method: "POST" });
  if (!response.ok) {
    throw await problemOf(response);
  }
}

/** Ends with the one who asks, and at the latest when nobody waits any longer; that counts as not reached. */
function inTime(asked?: AbortSignal): AbortSignal {
  const limit = new AbortController();
  setTimeout(() => limit.abort(new OfflineError("no answer in time")), LONGEST_MS);
  return endWith(limit, asked);
}

async function readJson<T>(response: Response): Promise<T> {
  if (!response.ok) {
    throw await problemOf(response);
  }
  return (await response.json()) as T;
}

async function readBlob(response: Response): Promise<Blob> {
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.blob();
}

/** Keys of writes that were sent and never answered, by what was sent. */
const unanswered = new Map<string, { key: string; sentMs: number }>();
/** Who sends the same again so soon means the same; later it is something new. */
const SAME_WITHIN_MS = 300_000;

/** The key of a write: that of the same one, if it was sent a moment ago and never answered. */
function keyOf(content: string): string {
  const before = unanswered.get(content);
  unanswered.delete(content);
  return before !== undefined && Date.now() - before.sentMs < SAME_WITHIN_MS ? before.key : drawKey();
}

/** Each write has a key, so that what a bad network sends twice happens once; what was not answered and is sent again, too. */
async function reach(url: string, request: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
  const { method = "GET", body } = request;
  const content = `${method} ${url}\n${typeof body === "string" ? body : ""}`;
  const key = method === "GET" ? null : keyOf(content);
  const keyed: Record<string, string> = key === null ? {} : { "Idempotency-Key": key };
  try {
    return await fetch(url, { ...request, headers: { Accept: "application/json", ...keyed, ...authorization(), ...request.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    if (key !== null && (typeof body === "string" || !body)) {
      unanswered.set(content, { key, sentMs: Date.now() });
    }
    throw new OfflineError("the server cannot be reached", { cause: error });
  }
}

export async function problemOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const title = typeof problem["title"] === "string" ? problem["title"] : response.statusText;
  const detail = typeof problem["detail"] === "string" ? problem["detail"] : null;
  return new ApiError(response.status, title, detail, problem);
}

/** `?a=1&b=2`; empty values are left out, a list repeats its name. */
export function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values: readonly Value[] = typeof value === "object" && value !== null ? value : [value];
    values
      .filter((each) => each !== null && each !== undefined && each !== "")
      .forEach((each) => parameters.append(name, String(each)));
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}
