/** What a person can say of findings: which others are near enough, and whether all is said. Pure functions. */

import type { Finding, FindingDetail } from "../api/types";
import { distanceM } from "../cases/near";

/** Farther apart the server takes no two findings for one. */
export const REACH_M = 60;

export type DecisionKind = "merge" | "different" | "split" | "undo";

export interface NearFinding {
  finding: Finding;
  metres: number;
}

export interface Said {
  reason: string;
  /** The other finding of a merge or a difference. */
  other: string | null;
  /** Sightings that are of another thing. */
  apart: readonly string[];
}

export const NOTHING_SAID: Said = { reason: "", other: null, apart: [] };

/** Others within reach, the nearest first. */
export function nearFindings(finding: FindingDetail, others: readonly Finding[]): NearFinding[] {
  return others
    .filter(({ id }) => id !== finding.id)
    .map((other) => ({ finding: other, metres: distanceM(placeOf(finding), placeOf(other)) }))
    .filter(({ metres }) => metres <= REACH_M)
    .sort((a, b) => a.metres - b.metres);
}

/** Passes that saw it: a split tells some of them from the others. */
export function sightingsOf(finding: FindingDetail): FindingDetail["properties"]["passes"] {
  return finding.properties.passes.filter(({ kind, observation_id: id }) => kind === "seen" && id !== null);
}

export function isSaid(kind: DecisionKind, said: Said, sightings: number): boolean {
  if (said.reason.trim() === "") {
    return false;
  }
  switch (kind) {
    case "merge":
    case "different":
      return said.other !== null;
    case "split":
      return said.apart.length > 0 && said.apart.length < sightings;
    case "undo":
      return true;
  }
}

function placeOf({ geometry: { coordinates: [lon, lat] } }: { geometry: Finding["geometry"] }): { lon: number; lat: number } {
  return { lon, lat };
}
