/** Things that tests need, made once. */

import { createMemoryHistory, createRouter, type Router } from "vue-router";

import type { CaseItem } from "../src/api/types";

const NAME = { zh: "坑槽", en: "Pothole" };

export function makeCase(changes: Partial<CaseItem> = {}): CaseItem {
  return {
    id: "case", number: "demo-1", code: null, class_code: "D40", class_name: NAME, severity: "heavy", state: "reported", version: 1,
    opened_at: "2026-11-24T12:00:00Z", due_at: null, unit: null, unit_key: null, crew: null, finding_id: "finding", lon: 120.4, lat: 27.5,
    existence: 0.9, passes_seen: 2, picture: null, filed_at: null, dispatched_at: null, accepted_at: null, arrived_at: null,
    arrived_distance_m: null, done_at: null, verified_at: null, closed_at: null, suspension_asked_at: null, suspended_until: null,
    overdue_at: null, escalation: 0, needs_person: false, is_false_alarm: false, reopened: 0, merged_into: null, ...changes,
  };
}

/** A router that leads everywhere, for a component by itself. */
export function makeRouter(): Router {
  return createRouter({ history: createMemoryHistory(), routes: [{ path: "/:rest(.*)*", component: { render: () => null } }] });
}
