/** How much of a case's time is left; it is counted by the server, the page only compares with the clock. */

import type { CaseItem } from "../api/types";

export type Deadline =
  | { kind: "none" | "ended" | "stopped" }
  | { kind: "left" | "overdue"; seconds: number };

const ENDED: ReadonlySet<string> = new Set(["closed", "rejected", "merged", "verified", "done"]);

type Timed = Pick<CaseItem, "state" | "due_at">;

export function deadlineOf(item: Timed, now: Date): Deadline {
  if (ENDED.has(item.state)) {
    return { kind: "ended" };
  }
  if (item.state === "suspended") {
    return { kind: "stopped" };
  }
  if (item.due_at === null) {
    return { kind: "none" };
  }
  const seconds = (Date.parse(item.due_at) - now.getTime()) / 1000;
  return seconds < 0 ? { kind: "overdue", seconds: -seconds } : { kind: "left", seconds };
}
