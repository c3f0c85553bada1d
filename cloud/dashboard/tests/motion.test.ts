import { describe, expect, it } from "vitest";

import { BusMotion, poseAlong, restAfter, turnBetween, type TrackPoint } from "../src/map/motion";

function point(second: number, lon: number): TrackPoint {
  return { atMs: second * 1000, lon, lat: 0, headingDeg: 90, speedMps: 10 };
}

describe("BusMotion", () => {
  it("knows no pose before the first point", () => {
    expect(new BusMotion().at(0)).toBeNull();
  });

  it("stands at the only point", () => {
    const motion = new BusMotion();
    motion.push([point(0, 5)], 0);
    expect(motion.at(9_000)?.lon).toBe(5);
    expect(motion.isMoving).toBe(false);
  });

  it("runs along a batch and stays at its end", () => {
    const motion = new BusMotion();
    motion.push([point(0, 0), point(10, 10)], 0);
    expect(motion.at(1_000)?.lon).toBeCloseTo(5);
    expect(motion.at(60_000)?.lon).toBe(10);
  });

  it("goes on without a jump when the next batch comes", () => {
    const motion = new BusMotion();
    motion.push([point(0, 0), point(10, 10)], 0);
    const before = motion.at(1_000)?.lon ?? NaN;
    motion.push([point(11, 11), point(20, 20)], 1_000);
    expect(motion.at(1_000)?.lon).toBeCloseTo(before);
    expect(motion.at(1_100)?.lon).toBeGreaterThan(before);
  });

  it("drops what it knows already", () => {
    const motion = new BusMotion();
    motion.push([point(0, 0), point(10, 10)], 0);
    motion.at(60_000);
    motion.push([point(4, 99), point(10, 99)], 60_000);
    expect(motion.at(61_000)?.lon).toBe(10);
  });

  it("jumps when it is far behind", () => {
    const motion = new BusMotion();
    motion.push([point(0, 0)], 0);
    motion.push([point(3_600, 100), point(3_610, 110)], 1_000);
    expect(motion.at(1_000)?.lon).toBeGreaterThan(98);
  });
});

describe("poseAlong", () => {
  it("is the nearer end outside the points", () => {
    const points = [point(0, 0), point(10, 10)];
    expect(poseAlong(points, -5_000)?.lon).toBe(0);
    expect(poseAlong(points, 15_000)?.lon).toBe(10);
  });
});

describe("turnBetween", () => {
  it.each([
    [350, 10, 0.5, 0],
    [10, 350, 0.5, 0],
    [0, 90, 1, 90],
  ])("turns from %d to %d the shorter way", (from, to, share, heading) => {
    expect(turnBetween(from, to, share)).toBeCloseTo(heading);
  });
});

describe("between two drawings of the buses", () => {
  it.each([
    ["a fast machine rests for two frames", 1, 17, 33],
    ["slow scripts are made up for", 20, 17, 80],
    ["frames that fall out count, whoever draws them", 1, 67, 200],
    ["nothing is shown later than within a second", 1, 3_600_000, 400],
  ])("%s", (_, workedMs, longestFrameMs, restMs) => {
    expect(restAfter({ workedMs, longestFrameMs })).toBe(restMs);
  });
});
