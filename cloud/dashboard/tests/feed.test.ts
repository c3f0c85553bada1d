import { describe, expect, it } from "vitest";

import type { CaseItem, Finding, FindingState } from "../src/api/types";
import { caseEntry, findingEntry, prepend, recentEntries, type FeedEntry } from "../src/live/feed";
import { makeCase } from "./made";

const NAME = { zh: "坑槽", en: "Pothole" };

function finding(state: FindingState, lastSeenAt = "2026-11-24T12:00:00Z", passesSeen = 2): Finding {
  return {
    type: "Feature",
    id: `finding-${state}`,
    geometry: { type: "Point", coordinates: [120.4, 27.5] },
    properties: {
      class_code: "D40", class_name: NAME, severity: "heavy", existence: 0.9, state, passes_seen: passesSeen, passes_missed: 0,
      first_seen_at: lastSeenAt, last_seen_at: lastSeenAt, position_sigma_m: 1, length_m: null, width_m: null,
      area_m2: null, picture: null, case: null,
    },
  };
}

function caseItem(state: CaseItem["state"], openedAt = "2026-11-24T12:00:00Z"): CaseItem {
  return makeCase({ state, opened_at: openedAt });
}

describe("feed", () => {
  it("tells of a new candidate", () => {
    expect(findingEntry(undefined, finding("candidate", "2026-11-24T12:00:00Z", 1), "now")).toMatchObject({ isNew: true, state: "candidate", lon: 120.4 });
  });

  it("tells of a change of state, and of nothing else", () => {
    expect(findingEntry("candidate", finding("open"), "now")).toMatchObject({ isNew: false, state: "open" });
    expect(findingEntry("open", finding("open"), "now")).toBeNull();
    expect(findingEntry(undefined, finding("open"), "now")).toBeNull();
  });

  it("tells of a new case and of its steps", () => {
    expect(caseEntry(undefined, caseItem("reported"), "now")).toMatchObject({ isNew: true });
    expect(caseEntry(caseItem("reported"), caseItem("filed"), "now")).toMatchObject({ isNew: false, state: "filed" });
    expect(caseEntry(caseItem("filed"), caseItem("filed"), "now")).toBeNull();
  });

  it("has the newest first, each once, and an end", () => {
    const entries = Array.from({ length: 300 }, (_, number) => ({ key: String(number) }) as FeedEntry);
    const feed = prepend(prepend([], entries), entries.slice(-2));
    expect(feed.slice(0, 3).map(({ key }) => key)).toEqual(["299", "298", "297"]);
    expect(feed).toHaveLength(200);
  });

  it("begins with what the present state tells of the past, oldest first", () => {
    const recent = recentEntries([finding("open", "2026-11-24T12:00:05Z")], [caseItem("filed", "2026-11-24T12:00:01Z")]);
    expect(recent.map(({ kind }) => kind)).toEqual(["case", "finding"]);
  });
});
