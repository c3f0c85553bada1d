/** What the pages know about actions: which stand in front, which ask for more, and how an order is written. */

import type { Action, ActionBody, CaseItem } from "../api/types";

/** What an operator can order on a page; crews act on their own page. */
export type DeskAction =
  | "file" | "verify" | "reopen" | "close" | "resume"
  | "reject" | "return" | "decline_suspension" | "comment"
  | "correct" | "dispatch" | "reassign" | "suspend" | "merge" | "separate";

const DESK: readonly DeskAction[] = [
  "file", "dispatch", "verify", "close", "resume", "suspend", "decline_suspension", "reject", "merge", "reassign", "correct", "reopen",
  "return", "separate", "comment",
];
const AT_ONCE: ReadonlySet<Action> = new Set<Action>(["file", "verify", "close", "resume", "separate"]);
const NEEDS_REASON: ReadonlySet<Action> = new Set<Action>(["reject", "return", "decline_suspension", "comment", "suspend"]);
/** Shown as the way forward, in colour. */
const FORWARD: ReadonlySet<Action> = new Set<Action>(["file", "dispatch", "verify", "close", "resume"]);

/** The allowed actions that a desk takes, most usual first. */
export function deskActions(allowed: readonly Action[]): DeskAction[] {
  return DESK.filter((action) => allowed.includes(action));
}

export const isAtOnce = (action: Action): boolean => AT_ONCE.has(action);
export const needsReason = (action: Action): boolean => NEEDS_REASON.has(action);
export const isForward = (action: Action): boolean => FORWARD.has(action);

/** What a dialog asked for. */
export interface Answers {
  reason: string;
  classCode: string | null;
  severity: "light" | "medium" | "heavy" | null;
  unit: string | null;
  crew: string | null;
  until: Date | null;
  into: string | null;
}

export function noAnswers(item: Pick<CaseItem, "class_code" | "severity">): Answers {
  return { reason: "", classCode: item.class_code, severity: item.severity, unit: null, crew: null, until: null, into: null };
}

/** Whether all is said that the action needs. */
export function isComplete(action: DeskAction, answers: Answers, item: Pick<CaseItem, "class_code" | "severity">): boolean {
  const hasReason = !needsReason(action) || answers.reason.trim() !== "";
  switch (action) {
    case "correct":
      return answers.classCode !== item.class_code || answers.severity !== item.severity;
    case "suspend":
      return hasReason && answers.until !== null;
    case "merge":
      return answers.into !== null;
    default:
      return hasReason;
  }
}

export function orderOf(action: DeskAction, version: number, answers: Answers): ActionBody {
  const written = answers.reason.trim();
  const reason = written === "" ? null : written;
  switch (action) {
    case "reject":
    case "return":
    case "decline_suspension":
    case "comment":
      return { action, version, reason: written };
    case "correct":
      return { action, version, reason, class_code: answers.classCode, severity: answers.severity };
    case "dispatch":
    case "reassign":
      return { action, version, reason, unit: answers.crew === null ? answers.unit : null, crew: answers.crew };
    case "suspend":
      return { action, version, reason: written, until: (answers.until ?? new Date()).toISOString() };
    case "merge":
      return { action, version, reason, into: answers.into ?? "" };
    default:
      return { action, version, reason };
  }
}
