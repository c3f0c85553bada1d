import { describe, expect, it } from "vitest";

import { inLines, NO_RULE, ruleOf } from "../src/upkeep/rule";

describe("a rule as a person writes it", () => {
  it("has one change a line", () => {
    const draft = { name: "old-bus", rename: "/data/latitude = /data/lat\n", remove: " /data/note \n\n/data/more", set: "/data/heading_deg = 0.5\n/data/unit = \"a=b\"" };
    expect(ruleOf(draft, "bad_data")).toEqual({
      name: "old-bus",
      reason: "bad_data",
      topic: "*",
      rename: { "/data/latitude": "/data/lat" },
      remove: ["/data/note", "/data/more"],
      set: { "/data/heading_deg": 0.5, "/data/unit": "a=b" },
    });
  });

  it.each([
    ["no name", { remove: "/data/a" }],
    ["a name with a space", { name: "a b", remove: "/data/a" }],
    ["no change", { name: "a" }],
    ["no path", { name: "a", remove: "data" }],
    ["half a pair", { name: "a", rename: "/data/a" }],
    ["no JSON", { name: "a", set: "/data/a = north" }],
    ["no value", { name: "a", set: "/data/a =" }],
  ])("is none with %s", (_, changes) => {
    expect(ruleOf({ ...NO_RULE, ...changes }, "bad_data")).toBeNull();
  });
});

describe("what a message says", () => {
  it("is shown in lines where it is JSON", () => {
    expect(inLines("{\"a\":[1]}")).toBe("{\n  \"a\": [\n    1\n  ]\n}");
    expect(inLines("\\xff{")).toBe("\\xff{");
  });
});
