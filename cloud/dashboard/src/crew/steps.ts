/** What a crew did, in the order it was done; it is kept until the server has it. */

import type { ActionBody, CaseDetail } from "../api/types";

/** Without the version, which the queue adds. */
export type CrewOrder =
  | { action: "accept" }
  | { action: "arrive"; lon: number; lat: number; accuracy_m: number | null }
  | { action: "done"; materials: { name: string; amount: number; unit: string }[]; length_m: number | null; width_m: number | null; reason: string | null }
  | { action: "return"; reason: string }
  | { action: "ask_suspension"; reason: string };

export interface PhotoOrder {
  kind: "before" | "after";
  content: Blob;
  lon: number | null;
  lat: number | null;
}

export interface Step {
  /** Also the idempotency key: sent twice, it happens once. */
  key: string;
  caseId: string;
  number: string;
  /** When it was done, which may be long before it is sent. */
  at: string;
  /** Of the case as the crew saw it, with its own earlier steps counted. */
  version: number;
  fromState: string;
  order: { what: "action"; order: CrewOrder } | { what: "photo"; photo: PhotoOrder };
  trouble: Trouble | null;
}

export type Trouble = { kind: "conflict"; present: CaseDetail } | { kind: "refused"; why: string };

const REACHED: Partial<Record<CrewOrder["action"], CaseDetail["state"]>> = { accept: "accepted", done: "done", return: "returned" };

export function bodyOf(step: Step, order: CrewOrder): ActionBody {
  return { ...order, version: step.version, at: step.at };
}

/** A case as it will be when the waiting steps have arrived. */
export interface JobView {
  state: CaseDetail["state"];
  version: number;
  hasArrived: boolean;
  hasAskedSuspension: boolean;
  photos: { before: number; after: number };
}

export function viewOf(item: CaseDetail, steps: readonly Step[]): JobView {
  const view: JobView = {
    state: item.state,
    version: item.version,
    hasArrived: item.arrived_at !== null,
    hasAskedSuspension: item.suspension_asked_at !== null,
    photos: {
      before: item.photos.filter(({ kind }) => kind === "before").length,
      after: item.photos.filter(({ kind }) => kind === "after").length,
    },
  };
  steps.filter(({ caseId }) => caseId === item.id).forEach((step) => apply(view, step));
  return view;
}

function apply(view: JobView, { order }: Step): void {
  if (order.what === "photo") {
    view.photos[order.photo.kind] += 1;
    return;
  }
  view.version += 1;
  view.state = REACHED[order.order.action] ?? view.state;
  view.hasArrived ||= order.order.action === "arrive";
  view.hasAskedSuspension ||= order.order.action === "ask_suspension";
}

/** Whether the same waits already: a button was pressed twice before the page showed the first. */
export function isWaiting(steps: readonly Step[], caseId: string, order: Step["order"]): boolean {
  return order.what === "action" && steps.some((step) => step.caseId === caseId && step.order.what === "action" && step.order.order.action === order.order.action);
}

/** Somebody or the clock touched the case, but what the crew did still holds: its state is the one the crew saw. */
export function stillHolds(step: Step, present: CaseDetail): boolean {
  return step.order.what === "action" && present.state === step.fromState && present.actions.includes(step.order.order.action);
}

/** The steps of a step's case on top of a newer version, as long as that step waits. */
export function onTopOf(steps: readonly Step[], { key, caseId }: Step, version: number, drawKey: () => string): Step[] {
  if (!steps.some((step) => step.key === key)) {
    return [...steps];
  }
  let next = version;
  return steps.map((step) => {
    if (step.caseId !== caseId) {
      return step;
    }
    const moved = { ...step, key: drawKey(), version: next, trouble: null };
    next += step.order.what === "action" ? 1 : 0;
    return moved;
  });
}
