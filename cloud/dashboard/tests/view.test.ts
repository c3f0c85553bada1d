import { describe, expect, it } from "vitest";

import type { Finding, FindingState, MapFindings } from "../src/api/types";
import { cellFeatures } from "../src/map/shapes";
import { isEnough, widened, withFindings, type Wanted } from "../src/map/view";

const LOOK = { box: [120, 27, 121, 28] as [number, number, number, number], zoom: 12 };
const ALL: Wanted = { classCode: null, states: ["candidate", "open", "gone"] };
const NOTHING: MapFindings = { kind: "findings", findings: [], is_complete: true };

function finding(id: string, { lon = 120.5, state = "open" }: { lon?: number; state?: FindingState } = {}): Finding {
  const properties = { class_code: "D40", state, severity: "heavy", existence: 0.9 };
  return { type: "Feature", id, geometry: { type: "Point", coordinates: [lon, 27.5] }, properties } as unknown as Finding;
}

describe("what was fetched", () => {
  it("is wider than the screen, so that a short pan needs nothing new", () => {
    const fetched = widened(LOOK);
    expect(fetched.box).toEqual([119.75, 26.75, 121.25, 28.25]);
    expect(isEnough(fetched, { ...LOOK, box: [120.2, 27.1, 121.2, 28.1] })).toBe(true);
  });

  it.each([
    ["nothing was fetched", null, LOOK],
    ["the pan leaves it", widened(LOOK), { ...LOOK, box: [120.5, 27, 121.5, 28] as const }],
    ["the zoom shows other cells", widened(LOOK), { ...LOOK, zoom: 12.6 }],
  ])("is not enough when %s", (_, fetched, now) => {
    expect(isEnough(fetched, now as typeof LOOK)).toBe(false);
  });

  it("ends where the earth ends", () => {
    const fetched = widened({ box: [-180, -80, 180, 80], zoom: 1 });
    expect(fetched.box).toEqual([-180, -90, 180, 90]);
    expect(isEnough(fetched, { box: [-200, -85, 200, 85], zoom: 1 })).toBe(true);
  });
});

describe("an event", () => {
  it("brings, changes and takes a finding", () => {
    const one = withFindings(NOTHING, [finding("f")], LOOK.box, ALL);
    expect(one.findings).toEqual([{ id: "f", lon: 120.5, lat: 27.5, class_code: "D40", state: "open", severity: "heavy", existence: 0.9 }]);
    expect(withFindings(one, [finding("f", { state: "gone" })], LOOK.box, ALL).findings.map(({ state }) => state)).toEqual(["gone"]);
    expect(withFindings(one, [finding("f", { state: "rejected" })], LOOK.box, ALL).findings).toEqual([]);
  });

  it("that comes later than another of the same finding counts", () => {
    const told = [finding("f", { state: "open" }), finding("g"), finding("f", { state: "gone" })];
    expect(withFindings(NOTHING, told, LOOK.box, ALL).findings.map(({ id, state }) => [id, state])).toEqual([["f", "gone"], ["g", "open"]]);
  });

  it("of elsewhere, or of what is not wanted, changes nothing", () => {
    expect(withFindings(NOTHING, [finding("f", { lon: 130 })], LOOK.box, ALL).findings).toEqual([]);
    expect(withFindings(NOTHING, [finding("f")], LOOK.box, { ...ALL, classCode: "D00" }).findings).toEqual([]);
    expect(withFindings(NOTHING, [finding("f", { state: "candidate" })], LOOK.box, { ...ALL, states: ["open"] }).findings).toEqual([]);
  });
});

describe("cells", () => {
  it("are as full as their logarithm says, beside the fullest in sight", () => {
    const ring: [number, number][] = [[0, 0], [1, 0], [1, 1], [0, 0]];
    const cells = [1, 10, 100].map((findings) => ({ cell: String(findings), ring, findings, worst_severity: "light" as const, open_cases: 0 }));
    const { features } = cellFeatures(cells, String);
    expect(features.map(({ properties }) => [properties?.["fullness"], properties?.["label"]])).toEqual([[0, "1"], [0.5, "10"], [1, "100"]]);
  });
});
