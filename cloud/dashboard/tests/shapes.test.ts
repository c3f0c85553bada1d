import { describe, expect, it } from "vitest";

import type { Pass } from "../src/api/types";
import { chartLine, chartPoints } from "../src/components/probability";
import { boxAround, circle } from "../src/map/shapes";

describe("circle", () => {
  it("is as wide as it is high, in metres", () => {
    const [west, south, east, north] = boxAround(circle({ lon: 120, lat: 60 }, 1000).geometry.coordinates.flat()) ?? [0, 0, 0, 0];
    expect((east - west) * Math.cos(Math.PI / 3)).toBeCloseTo(north - south, 6);
    expect((north - south) * 111_320).toBeCloseTo(2000, 3);
  });
});

describe("boxAround", () => {
  it("is none without positions", () => {
    expect(boxAround([])).toBeNull();
  });

  it("holds all positions", () => {
    expect(boxAround([[3, 1], [2, 5]])).toEqual([2, 1, 3, 5]);
  });
});

describe("probability chart", () => {
  const area = { left: 0, top: 0, width: 100, height: 100 };
  const passes = [
    { probability_before: 0.1, probability_after: 0.6 },
    { probability_before: 0.6, probability_after: 0.3 },
  ] as Pass[];

  it("begins at the prior and has a column per pass", () => {
    expect(chartLine(passes, area)).toBe("M0 90L50 40L100 70");
    expect(chartPoints(passes, area).map(({ x }) => x)).toEqual([50, 100]);
  });

  it("draws nothing without passes", () => {
    expect(chartLine([], area)).toBe("");
  });
});
