/** Counts over cases, for charts: pure functions of what the list of cases tells. */

import type { CaseItem, LocalName } from "../api/types";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const STEPS = ["reported", "filed", "dispatched", "accepted", "repaired", "verified", "closed"] as const;
export type Step = (typeof STEPS)[number];

export const BINS = ["h4", "h12", "h24", "h72", "h168", "more"] as const;
export type Bin = (typeof BINS)[number];
const BIN_HOURS = [4, 12, 24, 72, 168];

const RUNNING: readonly string[] = ["reported", "filed", "dispatched", "accepted", "returned", "reopened", "suspended", "done"];

/** How many cases are in progress: repairs that buses have verified are not, everywhere. */
export function running(counts: Readonly<Record<string, number>>): number {
  return RUNNING.reduce((total, state) => total + (counts[state] ?? 0), 0);
}

const STEP_TIMES: Record<Step, keyof CaseItem> = {
  reported: "opened_at",
  filed: "filed_at",
  dispatched: "dispatched_at",
  accepted: "accepted_at",
  repaired: "done_at",
  verified: "verified_at",
  closed: "closed_at",
};

/** How many cases came at least so far. */
export function casesByStep(cases: readonly CaseItem[]): Record<Step, number> {
  const counts = Object.fromEntries(STEPS.map((step) => [step, 0])) as Record<Step, number>;
  for (const item of cases) {
    const reached = STEPS.findLastIndex((step) => item[STEP_TIMES[step]] !== null);
    STEPS.slice(0, reached + 1).forEach((step) => (counts[step] += 1));
  }
  return counts;
}

export interface Day {
  day: string;
  opened: number;
  repaired: number;
  verified: number;
}

/** One line per day of the viewer's calendar up to now, days without anything too; at most so many. */
export function casesByDay(cases: readonly CaseItem[], now: Date, mostDays: number): Day[] {
  const first = cases.map((item) => Date.parse(item.opened_at)).reduce((a, b) => Math.min(a, b), now.getTime());
  const count = Math.min(mostDays, Math.floor((startOfDay(now) - startOfDay(new Date(first))) / DAY_MS + 0.5) + 1);
  const days = Array.from({ length: count }, (_, back) => dayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() - (count - 1 - back))));
  const on = (at: string | null, day: string): boolean => at !== null && dayOf(new Date(at)) === day;
  return days.map((day) => ({
    day,
    opened: cases.filter((item) => on(item.opened_at, day)).length,
    repaired: cases.filter((item) => on(item.done_at, day)).length,
    verified: cases.filter((item) => on(item.verified_at, day)).length,
  }));
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

function dayOf(at: Date): string {
  return `${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
}

/** Hours from report to repair of those that were repaired, ascending. */
export function repairHours(cases: readonly CaseItem[]): number[] {
  return cases
    .flatMap((item) => (item.done_at === null ? [] : [(Date.parse(item.done_at) - Date.parse(item.opened_at)) / HOUR_MS]))
    .sort((a, b) => a - b);
}

export function hoursByBin(hours: readonly number[]): Record<Bin, number> {
  const counts = Object.fromEntries(BINS.map((bin) => [bin, 0])) as Record<Bin, number>;
  for (const each of hours) {
    const place = BIN_HOURS.findIndex((limit) => each <= limit);
    counts[BINS[place < 0 ? BINS.length - 1 : place] ?? "more"] += 1;
  }
  return counts;
}

export interface Rates {
  medianRepairHours: number | null;
  overdue: number | null;
  verified: number | null;
  reopened: number | null;
  falseAlarms: number | null;
}

/** Shares in 0..1; null where there is nothing to divide by. */
export function ratesOf(cases: readonly CaseItem[]): Rates {
  const hours = repairHours(cases);
  const repaired = cases.filter((item) => item.done_at !== null || item.reopened > 0);
  const judged = cases.filter((item) => item.filed_at !== null || item.state === "rejected");
  return {
    medianRepairHours: hours.length === 0 ? null : (hours[Math.floor((hours.length - 1) / 2)] ?? null),
    overdue: share(cases, (item) => item.overdue_at !== null),
    verified: share(repaired, (item) => item.verified_at !== null),
    reopened: share(repaired, (item) => item.reopened > 0),
    falseAlarms: share(judged, (item) => item.is_false_alarm),
  };
}

function share(cases: readonly CaseItem[], holds: (item: CaseItem) => boolean): number | null {
  return cases.length === 0 ? null : cases.filter(holds).length / cases.length;
}

export interface UnitLoad {
  key: string;
  name: LocalName | null;
  running: number;
  overdue: number;
}

export function loadByUnit(cases: readonly CaseItem[]): UnitLoad[] {
  const loads = new Map<string, UnitLoad>();
  for (const item of cases.filter(({ state }) => RUNNING.includes(state))) {
    const key = item.unit_key ?? "";
    const load = loads.get(key) ?? { key, name: item.unit, running: 0, overdue: 0 };
    load.running += 1;
    load.overdue += item.overdue_at === null ? 0 : 1;
    loads.set(key, load);
  }
  return [...loads.values()].sort((a, b) => b.running - a.running);
}
