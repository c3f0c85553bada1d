/** The one way to the API: typed GET requests, problems as errors. */

import type {
  BusList,
  CaseDetail,
  CasePage,
  Catalogue,
  Extent,
  FindingDetail,
  FindingPage,
  RoadCollection,
  Summary,
} from "./types";

export const API_ROOT = "/api/v1";

type Query = Readonly<Record<string, string | number | null | undefined>>;

/** The server answered with a problem (RFC 9457), or with something that is not ours. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string | null,
  ) {
    super(detail ?? title);
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
  state?: string | null;
  limit?: number;
  cursor?: string | null;
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
  cases: (filter: CaseFilter, signal?: AbortSignal) =>
    getJson<CasePage>("/cases", {
      class: filter.classCode,
      state: filter.state,
      limit: filter.limit,
      cursor: filter.cursor,
    }, signal),
  case: (id: string, signal?: AbortSignal) => getJson<CaseDetail>(`/cases/${encodeURIComponent(id)}`, {}, signal),
  buses: (signal?: AbortSignal) => getJson<BusList>("/buses", {}, signal),
  roads: (bbox: readonly number[] | null, signal?: AbortSignal) =>
    getJson<RoadCollection>("/roads", { bbox: bbox?.join(",") }, signal),
  extent: (signal?: AbortSignal) => getJson<Extent>("/extent", {}, signal),
  summary: (signal?: AbortSignal) => getJson<Summary>("/summary", {}, signal),
  catalogue: (signal?: AbortSignal) => getJson<Catalogue>("/catalogue", {}, signal),
};

export function pictureUrl(sha256: string): string {
  return `${API_ROOT}/pictures/${sha256}`;
}

async function getJson<T>(path: string, query: Query, signal?: AbortSignal): Promise<T> {
  const response = await reach(`${API_ROOT}${path}${queryText(query)}`, signal);
  if (!response.ok) {
    throw await problemOf(response);
  }
  return (await response.json()) as T;
}

async function reach(url: string, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { headers: { Accept: "application/json" }, signal: signal ?? null });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new OfflineError("the server cannot be reached", { cause: error });
  }
}

export async function problemOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const title = typeof problem["title"] === "string" ? problem["title"] : response.statusText;
  const detail = typeof problem["detail"] === "string" ? problem["detail"] : null;
  return new ApiError(response.status, title, detail);
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") {
      parameters.set(name, String(value));
    }
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}
