/** What belongs to a queue, and what Yes and No mean for a case in it. */

import type { Action, CaseItem } from "../api/types";
import type { CaseFilter } from "../api/client";
import type { DeskAction } from "./actions";

export type Queue = "judge" | "person";

const TO_BE_JUDGED = ["reported", "returned", "reopened"] as const;
const YES: readonly DeskAction[] = ["file", "verify"];
const NO: readonly DeskAction[] = ["reject", "reopen"];
const HOUR_MS = 3_600_000;

export function filterOf(queue: Queue): CaseFilter {
  return queue === "judge" ? { states: TO_BE_JUDGED, limit: 200 } : { needsPerson: true, limit: 200 };
}

export function belongsTo(queue: Queue, item: Pick<CaseItem, "state" | "needs_person">): boolean {
  return queue === "judge" ? TO_BE_JUDGED.some((state) => state === item.state) : item.needs_person;
}

export const yesOf = (allowed: readonly Action[]): DeskAction | null => YES.find((action) => allowed.includes(action)) ?? null;
export const noOf = (allowed: readonly Action[]): DeskAction | null => NO.find((action) => allowed.includes(action)) ?? null;

/** The queue after news: what left it goes, what is changed stays in its place, what is new comes last. */
export function queueAfter(queue: Queue, items: readonly CaseItem[], news: ReadonlyMap<string, CaseItem>): CaseItem[] {
  const kept = items.map((item) => latest(item, news.get(item.id))).filter((item) => belongsTo(queue, item));
  const known = new Set(items.map(({ id }) => id));
  const added = [...news.values()].filter((item) => !known.has(item.id) && belongsTo(queue, item));
  return [...kept, ...added];
}

function latest(item: CaseItem, other: CaseItem | undefined): CaseItem {
  return other !== undefined && other.version > item.version ? other : item;
}

/** Verdicts an hour, once there are enough to tell; null before. */
export function hourlyRate(verdictMs: readonly number[]): number | null {
  const first = verdictMs[0];
  const last = verdictMs.at(-1);
  if (first === undefined || last === undefined || verdictMs.length < 3 || last === first) {
    return null;
  }
  return Math.round(((verdictMs.length - 1) * HOUR_MS) / (last - first));
}
