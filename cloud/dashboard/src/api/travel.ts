/** Those who travel with a tag: for the care desk, and for guardians. */

import { ask, getJson } from "./client";
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
  add: (name: string, kind: TravellerKind) => ask<{ id: string }>("POST", "/travel/people", { name, kind }),
  one: (id: string, signal?: AbortSignal) => getJson<TravellerPage>(of(id), {}, signal),
  agree: (id: string, agreed: Agreement) => ask<null>("PUT", `${of(id)}/agreement`, agreed),
  consent: (id: string, wish: Schemas["NewConsent"]) => ask<{ id: string }>("POST", `${of(id)}/consents`, wish),
  withdraw: (id: string) => ask<null>("DELETE", `${of(id)}/consents`),
  addTag: (id: string, tag: NewTag) => ask<{ id: string }>("POST", `${of(id)}/tags`, tag),
  renewBattery: (id: string, tag: string) => ask<null>("POST", `${of(id)}/tags/${tag}/battery`, {}),
  endTag: (id: string, tag: string) => ask<null>("DELETE", `${of(id)}/tags/${tag}`),
  addGuardian: (id: string, name: string) => ask<Schemas["GuardianMade"]>("POST", `${of(id)}/guardians`, { name }),
  endGuardian: (id: string, name: string) => ask<null>("DELETE", `${of(id)}/guardians/${encodeURIComponent(name)}`),
  addJourney: (id: string, journey: NewJourney) => ask<{ id: string }>("POST", `${of(id)}/journeys`, journey),
  endJourney: (id: string, journey: string) => ask<null>("DELETE", `${of(id)}/journeys/${journey}`),
  looks: (signal?: AbortSignal) => getJson<{ items: Look[] }>("/travel/looks", {}, signal),
  ask: (id: string, wish: Schemas["LookBody"]) => ask<{ id: string }>("POST", `${of(id)}/looks`, wish),
  approve: (look: string) => ask<null>("POST", `/travel/looks/${encodeURIComponent(look)}/approve`),
  close: (look: string, outcome: string) => ask<null>("POST", `/travel/looks/${encodeURIComponent(look)}/close`, { outcome }),
  view: (look: string, signal?: AbortSignal) => getJson<Outlook>(`/travel/looks/${encodeURIComponent(look)}/view`, {}, signal),
};

export const guardian = {
  wards: (signal?: AbortSignal) => getJson<{ items: Ward[] }>("/guardian/wards", {}, signal),
  search: (id: string, purpose: string) => ask<{ id: string }>("POST", `/guardian/wards/${encodeURIComponent(id)}/searches`, { purpose }),
  view: (look: string, signal?: AbortSignal) => getJson<Outlook>(`/guardian/looks/${encodeURIComponent(look)}/view`, {}, signal),
  close: (look: string, outcome: string) => ask<null>("POST", `/guardian/looks/${encodeURIComponent(look)}/close`, { outcome }),
  withdraw: (id: string) => ask<null>("DELETE", `/guardian/wards/${encodeURIComponent(id)}/consents`),
};

function of(id: string): string {
  return `/travel/people/${encodeURIComponent(id)}`;
}
