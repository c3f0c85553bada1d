import { describe, expect, it } from "vitest";

import { problemIn } from "../src/fleet/problems";

describe("problems of buses", () => {
  it("are told apart by their words, with their parts", () => {
    expect(problemIn("3.10 frames per second; before it were 8.00, at least 5.60 are expected")).toEqual({ problem: "tooSlow", parts: ["3.10", "8.00", "5.60"] });
    expect(problemIn("package 0a1b2c3d is not to be had: the server answers 404")).toEqual({ problem: "absent", parts: ["0a1b2c3d", "the server answers 404"] });
    expect(problemIn("it reports another package")).toEqual({ problem: "other", parts: [] });
  });

  it("stay as they are where the words are others", () => {
    expect(problemIn("no such sensor")).toBeNull();
  });
});
