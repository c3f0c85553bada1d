import { describe, expect, it } from "vitest";

import { split, waysOf } from "../src/shell/ways";

function ids(permissions: string[]): string[] {
  return waysOf({ permissions } as never).map(({ id }) => id);
}

describe("the ways to the pages", () => {
  it.each([
    ["nobody known yet", [], ["map", "findings", "cases", "roads", "fleet", "statistics", "settings"]],
    ["a viewer", ["see", "see_cases"], ["map", "findings", "cases", "roads", "fleet", "statistics", "settings"]],
    ["the care desk", ["see", "care"], ["map", "findings", "roads", "fleet", "travel", "statistics", "settings"]],
    ["the safety desk", ["see", "see_cases", "see_driving"], ["map", "findings", "cases", "roads", "fleet", "driving", "statistics", "settings"]],
  ])("of %s are those that may be gone", (_, permissions, expected) => {
    expect(ids(permissions)).toEqual(expected);
  });

  it("leave a phone with four and the rest behind one more, one's own work first", () => {
    const { shown, more } = split(waysOf({ permissions: ["see", "care"] } as never), "care");
    expect(shown.map(({ id }) => id)).toEqual(["map", "travel", "findings", "roads"]);
    expect(more.map(({ id }) => id)).toEqual(["fleet", "statistics", "settings"]);
  });
});
