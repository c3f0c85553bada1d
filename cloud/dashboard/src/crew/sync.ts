/** Sends what waits, each case in its order; a case in trouble holds up only itself. */

import { ApiError, OfflineError } from "../api/client";
import type { CaseDetail } from "../api/types";
import { onTopOf, stillHolds, type Step } from "./steps";

export interface Waiting {
  /** What waits now; steps may be added, moved and taken away while others are on their way, by another page too. */
  read: () => readonly Step[];
  /** Make a change to what waits, and keep the case as the server has it. */
  change: (how: (steps: readonly Step[]) => Step[], present: CaseDetail | null) => Promise<void>;
}

const SERVER_TROUBLE = 500;
/** Too slow for the server's patience, too much at once, not signed in (any more), or another crew is. */
const NOT_NOW: readonly number[] = [401, 408, 412, 429];
/** A case is put on top of a newer version this often in a row, then a person decides. */
const MOST_MOVES = 3;

/** Returns whether the server was there. */
export async function sendWaiting(waiting: Waiting, send: (step: Step) => Promise<CaseDetail>, drawKey: () => string): Promise<boolean> {
  const moves = new Map<string, number>();
  const held = new Set(waiting.read().filter(({ trouble }) => trouble !== null).map(({ caseId }) => caseId));
  for (;;) {
    const step = waiting.read().find(({ caseId }) => !held.has(caseId));
    if (step === undefined) {
      return true;
    }
    try {
      const present = await send(step);
      await waiting.change((steps) => steps.filter(({ key }) => key !== step.key), present);
    } catch (problem) {
      if (problem instanceof OfflineError) {
        return false;
      }
      const present = problem instanceof ApiError ? problem.presentCase : null;
      const moved = moves.get(step.caseId) ?? 0;
      if (present !== null && stillHolds(step, present) && moved < MOST_MOVES) {
        moves.set(step.caseId, moved + 1);
        await waiting.change((steps) => onTopOf(steps, step, present.version, drawKey), present);
      } else {
        held.add(step.caseId);
        await waiting.change((steps) => (isForLater(problem) ? [...steps] : withTrouble(steps, step, problem, present)), present);
      }
    }
  }
}

/** It is the server, the line or the sign-in: nothing is wrong with the step. */
function isForLater(problem: unknown): boolean {
  return problem instanceof ApiError && (problem.status >= SERVER_TROUBLE || NOT_NOW.includes(problem.status));
}

function withTrouble(steps: readonly Step[], step: Step, problem: unknown, present: CaseDetail | null): Step[] {
  const why = problem instanceof Error ? problem.message : String(problem);
  const trouble = present === null ? ({ kind: "refused", why } as const) : ({ kind: "conflict", present } as const);
  return steps.map((each) => (each.key === step.key ? { ...each, trouble } : each));
}
