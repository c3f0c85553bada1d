/** What people ask about their own data. */

import { API_ROOT, getJson, postForBlob, sendJson } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type DataRequest = Schemas["DataRequestItem"];
export type DataRequestPage = Schemas["DataRequestPage"];
export type DataRequestLine = Schemas["DataRequestLine"];
export type ErasureReport = Schemas["ErasureReport"];
export type FoundPicture = Schemas["FoundPicture"];
export type NewDataRequest = Schemas["NewDataRequest"];
export type OfficeStep = "check_identity" | "answer" | "refuse" | "close";
export type RequestFilter = "open" | "decided" | "closed";

export interface Around {
  lon: number;
  lat: number;
  radius_m: number;
  from_at: string;
  to_at: string;
}

export const requests = {
  send: (wish: NewDataRequest) => post<Schemas["TakenRequest"]>("/notice/requests", wish),
  list: (state: RequestFilter, signal?: AbortSignal) => getJson<Schemas["DataRequestList"]>("/data-requests", { state }, signal),
  one: (id: string, signal?: AbortSignal) => getJson<DataRequestPage>(wayTo(id), {}, signal),
  step: (id: string, step: OfficeStep, body: { version: number; words: string }) => post<{ state: string }>(`${wayTo(id)}/steps/${step}`, body),
  pictures: (id: string, around: Around, signal?: AbortSignal) => getJson<Schemas["FoundPictures"]>(`${wayTo(id)}/pictures`, { ...around }, signal),
  erase: (id: string, version: number, pictures: readonly string[]) => post<ErasureReport>(`${wayTo(id)}/erasure`, { version, pictures }),
  /** The pictures as a file; it is noted which were handed out. */
  export: (id: string, version: number, pictures: readonly string[]) => postForBlob(`${wayTo(id)}/export`, { version, pictures }),
};

/** A picture that a request may be about; of an event at the wheel the driver reads that it was opened. */
export function requestPictureUrl(id: string, sha256: string): string {
  return `${API_ROOT}${wayTo(id)}/pictures/${sha256}`;
}

function wayTo(id: string): string {
  return `/data-requests/${encodeURIComponent(id)}`;
}

function post<T>(path: string, body: object): Promise<T> {
  return sendJson<T>(path, JSON.stringify(body), "application/json");
}
