/** Names for the shapes of the API, which `npm run types` generates from its OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Bus = Schemas["Bus"];
export type BusList = Schemas["BusList"];
export type CaseDetail = Schemas["CaseDetail"];
export type CaseItem = Schemas["CaseItem"];
export type CasePage = Schemas["CasePage"];
export type CaseReference = Schemas["CaseReference"];
export type Catalogue = Schemas["CatalogueView"];
export type Extent = Schemas["Extent"];
export type Finding = Schemas["FindingFeature"];
export type FindingDetail = Schemas["FindingDetail"];
export type FindingPage = Schemas["FindingCollection"];
export type FindingState = Schemas["FindingState"];
export type LocalName = Schemas["LocalName"];
export type Pass = Schemas["FindingPass"];
export type RoadCollection = Schemas["RoadCollection"];
export type Summary = Schemas["Summary"];

// What the event stream tells; OpenAPI cannot describe the payload of an event.

export type ObservationEvent = Omit<Schemas["ObservationItem"], "finding_id">;

export interface BusPoint {
  at: string;
  lon: number;
  lat: number;
  heading_deg: number | null;
  speed_mps: number | null;
}

export interface BusEvent {
  device: string;
  presence: string | null;
  points: BusPoint[];
}
