import { describe, expect, it } from "vitest";

import { deskActions, isComplete, noAnswers, orderOf } from "../src/cases/actions";
import { makeCase } from "./made";

const item = makeCase();
const none = noAnswers(item);

describe("actions", () => {
  it("are those that the server allows, without a crew's own, most usual first", () => {
    expect(deskActions(["comment", "accept", "add_photo", "file", "reject"])).toEqual(["file", "reject", "comment"]);
  });

  it.each([
    ["file", none, true],
    ["reject", none, false],
    ["reject", { ...none, reason: " " }, false],
    ["reject", { ...none, reason: "shadow" }, true],
    ["correct", none, false],
    ["correct", { ...none, severity: "light" as const }, true],
    ["suspend", { ...none, reason: "rain" }, false],
    ["suspend", { ...none, reason: "rain", until: new Date() }, true],
    ["merge", none, false],
    ["merge", { ...none, into: "other" }, true],
    ["dispatch", none, true],
  ] as const)("%s with these answers is complete or not", (action, answers, expected) => {
    expect(isComplete(action, answers, item)).toBe(expected);
  });

  it("carry the version that was seen and only what belongs to them", () => {
    expect(orderOf("file", 3, none)).toEqual({ action: "file", version: 3, reason: null });
    expect(orderOf("reject", 3, { ...none, reason: " shadow " })).toEqual({ action: "reject", version: 3, reason: "shadow" });
    expect(orderOf("merge", 1, { ...none, into: "other" })).toEqual({ action: "merge", version: 1, reason: null, into: "other" });
  });

  it("go to a crew or to a unit, not to both", () => {
    expect(orderOf("dispatch", 1, { ...none, unit: "roads", crew: "roads-1" })).toMatchObject({ unit: null, crew: "roads-1" });
    expect(orderOf("dispatch", 1, { ...none, unit: "roads" })).toMatchObject({ unit: "roads", crew: null });
  });
});
