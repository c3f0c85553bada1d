/** A rule that mends messages, as a person writes it: one change a line. */

import type { MendingRule } from "../api/upkeep";

export interface RuleDraft {
  name: string;
  /** `/data/latitude = /data/lat` */
  rename: string;
  /** `/data/note` */
  remove: string;
  /** `/data/heading_deg = 0.0`, a value as in JSON */
  set: string;
}

export const NO_RULE: RuleDraft = { name: "", rename: "", remove: "", set: "" };

const NAME = /^[a-z0-9-]{1,64}$/;
const POINTER = /^(\/[A-Za-z0-9_]{1,64}){1,8}$/;

/** The rule for messages that lie there for this reason; null when something in it cannot be understood. */
export function ruleOf(draft: RuleDraft, reason: string): MendingRule | null {
  const rename = linesOf(draft.rename).map(pairOf);
  const remove = linesOf(draft.remove);
  const set = linesOf(draft.set).map(pairOf).map(([pointer, value]) => [pointer, jsonOf(value)] as const);
  const pointers = [...rename.flat(), ...remove, ...set.map(([pointer]) => pointer)];
  const isSound = NAME.test(draft.name) && pointers.length > 0 && pointers.every((each) => POINTER.test(each)) && set.every(([, value]) => value !== undefined);
  return isSound ? { name: draft.name, reason, topic: "*", rename: Object.fromEntries(rename), remove, set: Object.fromEntries(set) } : null;
}

/** JSON with its members in lines; what is no JSON as it is. */
export function inLines(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function pairOf(line: string): [string, string] {
  const [left = "", ...right] = line.split("=");
  return [left.trim(), right.join("=").trim()];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
