import { describe, expect, it, vi } from "vitest";

import { deadlineOf } from "../src/cases/deadline";
import { nearOf } from "../src/cases/near";
import { casesByDay, casesByStep, hoursByBin, loadByUnit, ratesOf, repairHours, running } from "../src/cases/statistics";
import { makeCase } from "./made";

const repaired = makeCase({
  id: "r", state: "verified", filed_at: "2026-11-24T12:00:00Z", dispatched_at: "2026-11-24T12:00:00Z", accepted_at: "2026-11-24T13:00:00Z",
  done_at: "2026-11-24T15:00:00Z", verified_at: "2026-11-25T12:00:00Z", unit_key: "roads",
});
const reported = makeCase({ id: "n", unit_key: "roads", overdue_at: "2026-11-24T13:00:00Z" });

describe("statistics", () => {
  it("count a case at each step up to the farthest", () => {
    expect(casesByStep([repaired, reported])).toEqual({ reported: 2, filed: 1, dispatched: 1, accepted: 1, repaired: 1, verified: 1, closed: 0 });
  });

  it("call in progress what the map does: not what buses have verified, but what came back", () => {
    expect(running({ reported: 1, returned: 1, done: 1, verified: 2, closed: 4, rejected: 8, merged: 16 })).toBe(3);
  });

  it("put hours from report to repair into bins", () => {
    expect(repairHours([repaired, reported])).toEqual([3]);
    expect(hoursByBin([3, 4, 5, 1000])).toMatchObject({ h4: 2, h12: 1, more: 1 });
  });

  it("leave a share open where there is nothing to divide by", () => {
    expect(ratesOf([])).toEqual({ medianRepairHours: null, overdue: null, verified: null, reopened: null, falseAlarms: null });
    expect(ratesOf([repaired, reported])).toMatchObject({ medianRepairHours: 3, overdue: 0.5, verified: 1, reopened: 0 });
  });

  it("show each day once, also those without anything", () => {
    const days = casesByDay([repaired], new Date("2026-11-27T12:00:00Z"), 30);
    expect(days).toHaveLength(4);
    expect(days.map((day) => day.opened)).toEqual([1, 0, 0, 0]);
    expect(casesByDay([], new Date("2026-11-27T12:00:00Z"), 30)).toHaveLength(1);
    expect(casesByDay([repaired], new Date("2027-11-27T12:00:00Z"), 30)).toHaveLength(30);
  });

  it("show each day once where the clocks are put forward, as where somebody travels", () => {
    vi.stubEnv("TZ", "Europe/Berlin");
    // Half an hour after the midnight that follows the short day.
    const days = casesByDay([repaired], new Date("2027-03-28T22:30:00Z"), 3);
    vi.unstubAllEnvs();
    expect(days.map(({ day }) => day)).toEqual(["03-27", "03-28", "03-29"]);
  });

  it("count running and overdue cases by unit, ended ones not", () => {
    expect(loadByUnit([repaired, reported])).toEqual([{ key: "roads", name: null, running: 1, overdue: 1 }]);
  });
});

describe("deadline", () => {
  const now = new Date("2026-11-24T12:00:00Z");
  it.each([
    [makeCase({ due_at: "2026-11-24T13:00:00Z" }), { kind: "left", seconds: 3600 }],
    [makeCase({ due_at: "2026-11-24T11:00:00Z" }), { kind: "overdue", seconds: 3600 }],
    [makeCase({ state: "suspended", due_at: "2026-11-24T11:00:00Z" }), { kind: "stopped" }],
    [makeCase({ state: "closed", due_at: "2026-11-24T11:00:00Z" }), { kind: "ended" }],
    [makeCase(), { kind: "none" }],
  ])("case %#", (item, expected) => {
    expect(deadlineOf(item, now)).toEqual(expected);
  });
});

describe("near cases", () => {
  it("are within 150 m, the same class first, without itself and without those that ended in another", () => {
    const here = makeCase({ id: "here" });
    const others = [
      here,
      makeCase({ id: "far", lat: 27.51 }),
      makeCase({ id: "other class", class_code: "D00" }),
      makeCase({ id: "same class", lat: 27.5005 }),
      makeCase({ id: "merged", state: "merged" }),
    ];
    expect(nearOf(here, others).map(({ item }) => item.id)).toEqual(["same class", "other class"]);
  });
});
