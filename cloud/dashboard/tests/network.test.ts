import { describe, expect, it } from "vitest";

import type { Station } from "../src/api/network";
import { everyHour, lateOf, medianBound, messagesOf, shareWithin } from "../src/network/sums";

const BOUNDS = [10, 60, 600];
const at = "2026-11-24T04:00:00Z";
const station: Station = {
  device: "bus-1", is_relay: false, name: null, presence: "online", last_seen_at: at, lon: null, lat: null, tags: 0, carried: null, gap: null,
  ways: [
    { stop: null, messages: 5, last_at: at, late: [3, 1, 0, 1] },
    { stop: "stop-1", messages: 3, last_at: at, late: [0, 0, 3, 0] },
  ],
};

describe("what came of a station", () => {
  it("adds its ways up", () => {
    expect(messagesOf(station)).toBe(8);
    expect(lateOf([station])).toEqual([3, 1, 3, 1]);
  });

  it.each([
    [[3, 1, 3, 1], 60],
    [[0, 0, 0, 2], Infinity],
    [[1, 0, 0, 0], 10],
    [[0, 0, 0, 0], null],
    [[], null],
  ])("has its middle message of %j within %s s", (late, bound) => {
    expect(medianBound(late, BOUNDS)).toBe(bound);
  });

  it("tells the share that was prompt, and none without messages", () => {
    expect(shareWithin([3, 1, 3, 1], 2)).toBe(0.5);
    expect(shareWithin([], 2)).toBeNull();
  });
});

describe("hours", () => {
  it("has every hour that has begun, those without anybody too", () => {
    const since = Date.parse("2026-11-24T00:00:00Z");
    const hours = everyHour([{ at: "2026-11-24T01:00:00Z", devices: 4 }], since, since + 2.5 * 3_600_000);
    expect(hours.map(({ devices }) => devices)).toEqual([0, 4, 0]);
  });
});
