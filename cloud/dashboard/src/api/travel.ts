/** Those who travel with a tag: for the care desk, and for guardians. */

import { API_ROOT, getJson, OfflineError, problemOf } from "./client";
import { authorization } from "./identity";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Traveller = Schemas["TravellerView"];
export type TravellerPage = Schemas["TravellerDetail"];
export type TravelEvent = Schemas["EventView"];
export type TravelHistoryLine = Schemas["HistoryLineView"];
export type Look = Schemas["LookView"];
export type LookKind = Schemas["LookBody"]["kind"];
export type Outlook = Schemas["OutlookView"];
export type Ward = Schemas["Ward"];
export type NewTag = Schemas["TagBody"];
export type NewJourney = Schemas["JourneyBody"];
export type Agreement = Schemas["AgreementBody"];
export type TravellerKind = Traveller["kind"];

export const travel = {
  people: (signal?: AbortSignal) => getJson<{ items: Traveller[] }>("/travel/people", {}, signal),
  add: (name: string, kind: TravellerKind) => send<{ id: string }>("POST", "/travel/people", { name, kind }),
  one: (id: string, signal?: AbortSignal) => getJson<TravellerPage>(of(id), {}, signal),
  agree: (id: string, agreed: Agreement) => send<null>("PUT", `${of(id)}/agreement`, agreed),
  consent: (id: string, wish: Schemas["NewConsent"]) => send<{ id: string }>("POST", `${of(id)}/consents`, wish),
  withdraw: (id: string) => send<null>("DELETE", `${of(id)}/consents`),
  addTag: (id: string, tag: NewTag) => send<{ id: string }>("POST", `${of(id)}/tags`, tag),
  renewBattery: (id: string, tag: string) => send<null>("POST", `${of(id)}/tags/${tag}/battery`, {}),
  endTag: (id: string, tag: string) => send<null>("DELETE", `${of(id)}/tags/${tag}`),
  addGuardian: (id: string, name: string) => send<Schemas["GuardianMade"]>("POST", `${of(id)}/guardians`, { name }),
  endGuardian: (id: string, name: string) => send<null>("DELETE", `${of(id)}/guardians/${encodeURIComponent(name)}`),
  addJourney: (id: string, journey: NewJourney) => send<{ id: string }>("POST", `${of(id)}/journeys`, journey),
  endJourney: (id: string, journey: string) => send<null>("DELETE", `${of(id)}/journeys/${journey}`),
  looks: (signal?: AbortSignal) => getJson<{ items: Look[] }>("/travel/looks", {}, signal),
  ask: (id: string, wish: Schemas["LookBody"]) => send<{ id: string }>("POST", `${of(id)}/looks`, wish),
  approve: (look: string) => send<null>("POST", `/travel/looks/${encodeURIComponent(look)}/approve`),
  close: (look: string, outcome: string) => send<null>("POST", `/travel/looks/${encodeURIComponent(look)}/close`, { outcome }),
  view: (look: string, signal?: AbortSignal) => getJson<Outlook>(`/travel/looks/${encodeURIComponent(look)}/view`, {}, signal),
};

export const guardian = {
  wards: (signal?: AbortSignal) => getJson<{ items: Ward[] }>("/guardian/wards", {}, signal),
  search: (id: string, purpose: string) => send<{ id: string }>("POST", `/guardian/wards/${encodeURIComponent(id)}/searches`, { purpose }),
  view: (look: string, signal?: AbortSignal) => getJson<Outlook>(`/guardian/looks/${encodeURIComponent(look)}/view`, {}, signal),
  close: (look: string, outcome: string) => send<null>("POST", `/guardian/looks/${encodeURIComponent(look)}/close`, { outcome }),
  withdraw: (id: string) => send<null>("DELETE", `/guardian/wards/${encodeURIComponent(id)}/consents`),
};

function of(id: string): string {
  return `/travel/people/${encodeURIComponent(id)}`;
}

async function send<T>(method: string, path: string, body?: object): Promise<T> {
  const headers = { Accept: "application/json", ...authorization(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  let response: Response;
  try {
    response = await fetch(`${API_ROOT}${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch (error) {
    throw new OfflineError("the server cannot be reached", { cause: error });
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return (response.status === 204 ? null : await response.json()) as T;
}
