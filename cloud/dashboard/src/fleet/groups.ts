/** Which groups a roll-out would have, before it is proposed; the server draws them by the same rule. */

import { numberOf } from "./pose";

export const MOST_GROUPS = 20;

/** Shares out of percentages as a person writes them ("5, 25"); null where they cannot be. */
export function sharesOf(text: string): number[] | null {
  const parts = text.split(/[\s,;，；、%]+/).filter((part) => part !== "");
  const shares = parts.map((part) => (numberOf(part) ?? 0) / 100);
  const isPossible = shares.every((share) => share > 0) && shares.reduce((sum, share) => sum + share, 0) < 1 && shares.length < MOST_GROUPS;
  return isPossible ? shares : null;
}

/** How many buses each group has, the last one with the rest; null where there are fewer buses than groups. */
export function groupSizes(buses: number, shares: readonly number[]): number[] | null {
  if (buses <= shares.length) {
    return null;
  }
  const sizes: number[] = [];
  let left = buses;
  shares.forEach((share, place) => {
    const size = Math.min(Math.max(1, roundHalfToEven(share * buses)), left - (shares.length - place));
    sizes.push(size);
    left -= size;
  });
  return [...sizes, left];
}

/** How many failures of a group make the roll-out wait. */
export function failuresThatStop(size: number, stopAtFailed: number): number {
  return Math.max(1, Math.ceil(stopAtFailed * size - 1e-9));
}

/** How many buses of a group must have it before the next one begins. */
export function neededToGoOn(size: number, goOnAtDone: number): number {
  return Math.ceil(goOnAtDone * size - 1e-9);
}

/** Of a number beside which buses failed: a roll-out that stands for it looks bad, one that goes on or is through does not. */
export function failureTone(state: string, failed: number): "soft" | "warn" | "bad" {
  return failed === 0 ? "soft" : state === "paused" || state === "stopped" ? "bad" : "warn";
}

export interface Failures {
  failed: number;
  size: number;
  group: number;
}

/** The numbers of the sentence with which the worker pauses a roll-out; null for any other sentence. */
export function failuresIn(reason: string): Failures | null {
  const [, failed, size, group] = /^(\d+) of (\d+) buses of group (\d+) could not take it$/.exec(reason) ?? [];
  return failed === undefined ? null : { failed: Number(failed), size: Number(size), group: Number(group) };
}

/** As Python rounds. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest === 0.5 ? below + (below % 2) : Math.round(value);
}
