import { describe, expect, it } from "vitest";

import { failureTone, failuresIn, failuresThatStop, groupSizes, neededToGoOn, sharesOf } from "../src/fleet/groups";

describe("shares as a person writes them", () => {
  it.each([
    ["5, 25", [0.05, 0.25]],
    ["5 25", [0.05, 0.25]],
    ["2.5%，10%", [0.025, 0.1]],
    ["", []],
  ])("%j are %j", (text, shares) => {
    expect(sharesOf(text)).toEqual(shares);
  });

  it.each(["0", "-5", "60, 40", "five", "100", Array.from({ length: 20 }, () => "1").join(",")])("%j are none", (text) => {
    expect(sharesOf(text)).toBeNull();
  });
});

describe("groups", () => {
  /** As `cloud.fleet.rollout.draw_groups` draws them. */
  it.each([
    [20, [0.05, 0.15], [1, 3, 16]],
    [10, [0.25], [2, 8]],
    [4, [0.25], [1, 3]],
    [3, [0.05, 0.25], [1, 1, 1]],
    [10, [0.05, 0.25], [1, 2, 7]],
    [50, [0.05, 0.25], [2, 12, 36]],
    [600, [0.01, 0.1, 0.3], [6, 60, 180, 354]],
    [4, [0.9], [3, 1]],
    [7, [], [7]],
  ])("of %d buses with shares %j have %j", (buses, shares, sizes) => {
    expect(groupSizes(buses, shares)).toEqual(sizes);
  });

  it("need a bus each", () => {
    expect(groupSizes(2, [0.05, 0.25])).toBeNull();
    expect(groupSizes(0, [])).toBeNull();
  });

  it("wait from the first failure that reaches the share, at least one", () => {
    expect([failuresThatStop(1, 0.1), failuresThatStop(10, 0.1), failuresThatStop(11, 0.1), failuresThatStop(30, 0.1)]).toEqual([1, 1, 2, 3]);
  });

  it("go on when the share is reached", () => {
    expect([neededToGoOn(1, 0.8), neededToGoOn(10, 0.8), neededToGoOn(11, 0.8), neededToGoOn(16, 1)]).toEqual([1, 8, 9, 16]);
  });

  it("are named in the sentence with which the worker pauses", () => {
    expect(failuresIn("12 of 30 buses of group 2 could not take it")).toEqual({ failed: 12, size: 30, group: 2 });
    expect(failuresIn("too slow")).toBeNull();
  });
});

describe("the colour of a number beside which buses failed", () => {
  it.each([
    ["finished", 0, "soft"],
    ["finished", 2, "warn"],
    ["running", 1, "warn"],
    ["paused", 1, "bad"],
    ["stopped", 1, "bad"],
    ["stopped", 0, "soft"],
  ])("of a roll-out that is %s with %j is %s", (state, failed, tone) => {
    expect(failureTone(state, failed)).toBe(tone);
  });
});
