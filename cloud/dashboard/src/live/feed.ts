/** What the live feed says about a change: pure functions from what was known and what is new. */

import type { CaseItem, Finding, FindingState, LocalName, ObservationEvent } from "../api/types";

interface FeedBase {
  key: string;
  at: string;
  classCode: string;
  lon: number;
  lat: number;
}
export interface ObservationEntry extends FeedBase {
  kind: "observation";
  device: string;
  confidence: number;
}
export interface FindingEntry extends FeedBase {
  kind: "finding";
  findingId: string;
  className: LocalName;
  isNew: boolean;
  state: FindingState;
  existence: number;
}
export interface CaseEntry extends FeedBase {
  kind: "case";
  findingId: string;
  className: LocalName;
  isNew: boolean;
  number: string;
  state: string;
}
export type FeedEntry = ObservationEntry | FindingEntry | CaseEntry;

const LONGEST_FEED = 200;
const RECENT = 40;

export function observationEntry(event: ObservationEvent): ObservationEntry {
  return {
    kind: "observation",
    key: `observation ${event.id}`,
    at: event.received_at,
    classCode: event.class_code,
    lon: event.lon,
    lat: event.lat,
    device: event.device,
    confidence: event.confidence,
  };
}

/**
 * News only when the finding is new or its state changed: another pass that agrees is no news. Of one whose state was not
 * known (it is not among the newest), only its first sighting is.
 */
export function findingEntry(before: FindingState | undefined, now: Finding, at: string): FindingEntry | null {
  const { state, passes_seen: passesSeen } = now.properties;
  if (before === state || (before === undefined && passesSeen > 1)) {
    return null;
  }
  return entryOf(now, at, before === undefined && now.properties.state === "candidate");
}

function entryOf(now: Finding, at: string, isNew: boolean): FindingEntry {
  const { state, class_code: classCode, class_name: className, existence } = now.properties;
  const [lon = 0, lat = 0] = now.geometry.coordinates;
  return { kind: "finding", key: `finding ${now.id} ${state} ${at}`, at, classCode, className, lon, lat, findingId: now.id, isNew, state, existence };
}

export function caseEntry(before: CaseItem | undefined, now: CaseItem, at: string): CaseEntry | null {
  if (before?.state === now.state) {
    return null;
  }
  return {
    kind: "case",
    key: `case ${now.id} ${now.state} ${at}`,
    at,
    classCode: now.class_code,
    className: now.class_name,
    lon: now.lon,
    lat: now.lat,
    findingId: now.finding_id,
    isNew: before === undefined,
    number: now.number,
    state: now.state,
  };
}

/** Newest first, bounded, each key once (an event may come again after a break). */
export function prepend(feed: readonly FeedEntry[], news: readonly FeedEntry[]): FeedEntry[] {
  const known = new Set<string>();
  return [...[...news].reverse(), ...feed]
    .filter((entry) => !known.has(entry.key) && known.add(entry.key))
    .slice(0, LONGEST_FEED);
}

/** A feed to begin with, oldest first: what the present state tells about the recent past. */
export function recentEntries(findings: Iterable<Finding>, cases: Iterable<CaseItem>): FeedEntry[] {
  const found = [...findings].map((finding) => entryOf(finding, finding.properties.last_seen_at, finding.properties.state === "candidate"));
  const opened = [...cases].map((item) => caseEntry(undefined, item, item.opened_at));
  return [...found, ...opened]
    .filter((entry) => entry !== null)
    .sort((a, b) => a.at.localeCompare(b.at))
    .slice(-RECENT);
}
