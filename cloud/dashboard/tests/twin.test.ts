import { describe, expect, it } from "vitest";

import type { HealthPoint, Twin } from "../src/api/fleet";
import { momentsOf } from "../src/fleet/health";
import { commandState, modelsIn, numberIn, textIn, twinRows, twinState } from "../src/fleet/twin";

const TWIN: Twin = {
  wanted_version: 3, wanted: { "camera.pitch_deg": 9.5, "package.model": "ab" }, wanted_at: "2026-11-29T08:00:00Z", told_at: "2026-11-29T08:00:01Z",
  reported_version: 3, reported: { "camera.pitch_deg": 9.5, "package.model": "ab" }, reported_at: "2026-11-29T08:00:05Z", problem: null, health: null, revoked_at: null,
};

describe("a twin", () => {
  it.each([
    ["same", {}],
    ["nothing", { wanted_version: 0, wanted: {}, reported_version: 0, reported: {} }],
    ["untold", { wanted_version: 4, told_at: null }],
    ["told", { wanted_version: 4 }],
    ["refused", { problem: "3.1 frames a second", reported: {} }],
    ["other", { reported: { "camera.pitch_deg": 9 } }],
  ])("is %s", (state, changes) => {
    expect(twinState({ ...TWIN, ...changes })).toBe(state);
  });

  it("has a row for each setting of either side, and marks what differs", () => {
    expect(twinRows({ wanted: { b: 1, a: 2 }, reported: { c: 3, b: 1 } })).toEqual([
      { key: "a", wanted: 2, reported: undefined, isDifferent: true },
      { key: "b", wanted: 1, reported: 1, isDifferent: false },
      { key: "c", wanted: undefined, reported: 3, isDifferent: true },
    ]);
  });
});

describe("a command", () => {
  const asked = { id: "a", answered_at: null, media_type: null, kind: "restart", asked_at: "2026-11-29T08:00:00Z", expires_at: "2026-11-29T08:10:00Z", told_at: null };

  it("waits until it expires, unless the bus was told", () => {
    expect(commandState(asked, new Date("2026-11-29T08:09:59Z"))).toBe("waiting");
    expect(commandState(asked, new Date("2026-11-29T08:10:00Z"))).toBe("expired");
    expect(commandState({ ...asked, told_at: "2026-11-29T08:01:00Z" }, new Date("2026-11-29T09:00:00Z"))).toBe("told");
    expect(commandState({ ...asked, told_at: "2026-11-29T08:01:00Z", answered_at: "2026-11-29T08:01:02Z" }, new Date("2026-11-29T09:00:00Z"))).toBe("answered");
  });
});

describe("what a bus says of itself", () => {
  it("is read by kind, and what is missing is missing", () => {
    const health = { frames_per_s: 9.8, camera: "working", models: [{ name: "road", version: "2", sha256: "ab" }, "no model"] };
    expect([numberIn(health, "frames_per_s"), numberIn(health, "camera"), numberIn(null, "frames_per_s")]).toEqual([9.8, null, null]);
    expect([textIn(health, "camera"), textIn(health, "outbox")]).toEqual(["working", null]);
    expect([modelsIn(health), modelsIn(null)]).toEqual([["road 2"], []]);
  });

  it("is a line over time, the oldest first, with gaps where nothing was said for long", () => {
    const at = (time: string, frames: number | null): HealthPoint => ({ at: `2026-11-29T${time}:00Z`, frames_per_s: frames, temperature_c: null, outbox_depth: null, disk_free_bytes: null, camera: null });
    const line = momentsOf([at("09:00", 7), at("08:02", null), at("08:01", 9), at("08:00", 10)], "frames_per_s");
    expect(line.map(([ms, value]) => [new Date(ms).toISOString().slice(11, 16), value])).toEqual([["08:00", 10], ["08:01", 9], ["08:02", null], ["09:00", 7]]);
    expect(momentsOf([], "temperature_c")).toEqual([]);
  });
});
