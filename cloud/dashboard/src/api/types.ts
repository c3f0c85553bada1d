/** Names for the shapes of the API, which `npm run types` generates from its OpenAPI document. */

import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type Action = Schemas["Action"];
export type ActionBody =
  operations["act_on_case_api_v1_cases__case_id__actions_post"]["requestBody"]["content"]["application/json"];
export type Bus = Schemas["Bus"];
export type BusList = Schemas["BusList"];
export type CaseDetail = Schemas["CaseDetail"];
export type CaseHistoryLine = Schemas["CaseHistoryLine"];
export type CaseItem = Schemas["CaseItem"];
export type CasePage = Schemas["CasePage"];
export type CasePhoto = Schemas["CasePhoto"];
export type CaseReference = Schemas["CaseReference"];
export type Catalogue = Schemas["CatalogueView"];
export type ConditionSummary = Schemas["ConditionSummary"];
export type Delivery = Schemas["DeliveryView"];
export type DeliveryPage = Schemas["DeliveryPage"];
export type Extent = Schemas["Extent"];
export type Finding = Schemas["FindingFeature"];
export type FindingDetail = Schemas["FindingDetail"];
export type FindingPage = Schemas["FindingCollection"];
export type FindingState = Schemas["FindingState"];
export type Grade = Schemas["Grade"];
export type Job = Schemas["Job"];
export type Jobs = Schemas["Jobs"];
export type LayerFeature = Schemas["LayerFeature"];
export type LayerFeatures = Schemas["LayerFeatures"];
export type LayerProperties = Schemas["LayerProperties"];
export type LayerView = Schemas["LayerView"];
export type LocalName = Schemas["LocalName"];
export type MapCell = Schemas["MapCell"];
export type MapFinding = Schemas["MapFinding"];
export type MapFindings = Schemas["MapFindings"];
export type MapView = Schemas["MapCells"] | MapFindings;
export type Me = Schemas["Me"];
export type Organisation = Schemas["Organisation"];
export type Pass = Schemas["FindingPass"];
/** What is needed to draw the picture of a pass with its box. */
export type PictureOfPass = Pick<
  Pass,
  "at" | "device" | "confidence" | "picture" | "box_xyxy_px" | "frame_width_px" | "frame_height_px"
>;
export type Repair = Schemas["RepairView"];
export type RepairPass = Schemas["PassView"];
export type RoadCollection = Schemas["RoadCollection"];
export type Segment = Schemas["SegmentFeature"];
export type SegmentCollection = Schemas["SegmentCollection"];
export type SegmentDetail = Schemas["SegmentDetail"];
export type SegmentItem = Schemas["SegmentItem"];
export type SegmentHistoryLine = Schemas["HistoryLine"];
export type StaleItem = Schemas["StaleItem"];
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
