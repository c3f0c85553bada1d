import { describe, expect, it } from "vitest";

import { hourlyRate, noOf, queueAfter, yesOf } from "../src/cases/triage";
import { makeCase } from "./made";

const first = makeCase({ id: "first" });
const second = makeCase({ id: "second" });

describe("triage", () => {
  it("means filing or verifying by yes, rejecting or reopening by no", () => {
    expect([yesOf(["comment", "file", "reject"]), noOf(["comment", "file", "reject"])]).toEqual(["file", "reject"]);
    expect([yesOf(["verify", "reopen"]), noOf(["verify", "reopen"])]).toEqual(["verify", "reopen"]);
    expect([yesOf(["comment"]), noOf(["comment"])]).toEqual([null, null]);
  });

  it("drops what left the queue, keeps the order, and adds what is new at the end", () => {
    const filed = makeCase({ id: "first", state: "filed", version: 2 });
    const news = makeCase({ id: "third" });
    const other = makeCase({ id: "fourth", state: "closed" });
    expect(queueAfter("judge", [first, second], new Map([filed, news, other].map((item) => [item.id, item])))).toEqual([second, news]);
  });

  it("does not go back to an older version", () => {
    const newer = makeCase({ id: "first", version: 5 });
    expect(queueAfter("judge", [newer], new Map([["first", first]]))).toEqual([newer]);
  });

  it("holds those that need a person in the other queue", () => {
    const waiting = makeCase({ id: "w", state: "done", needs_person: true });
    expect(queueAfter("person", [], new Map([["w", waiting], ["first", first]]))).toEqual([waiting]);
  });

  it("tells a rate after three verdicts", () => {
    expect(hourlyRate([0, 18_000])).toBeNull();
    expect(hourlyRate([0, 18_000, 36_000])).toBe(200);
  });
});
