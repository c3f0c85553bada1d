import { describe, expect, it } from "vitest";

import { newsOf } from "../src/cases/news";
import { makeCase } from "./made";

const live = (...items: ReturnType<typeof makeCase>[]) => new Map(items.map((item) => [item.id, item]));

describe("what is new to a list of cases", () => {
  const shown = makeCase({ id: "shown" });
  const beyond = makeCase({ id: "beyond the first page" });

  it("is not all that the live state holds: what no page has shown comes with its page", () => {
    const told = new Map([["beyond the first page", 1]]);
    expect(newsOf([shown], live(shown, beyond), told)).toEqual([]);
  });

  it("is what has changed since, and what was not there", () => {
    const told = new Map([["beyond the first page", 1]]);
    const changed = makeCase({ id: "beyond the first page", version: 2 });
    const fresh = makeCase({ id: "fresh" });
    expect(newsOf([shown], live(shown, changed, fresh), told)).toEqual([changed, fresh]);
  });

  it("is never older than what is shown", () => {
    const now = makeCase({ id: "shown", version: 3 });
    const told = new Map<string, number>();
    expect(newsOf([now], live(makeCase({ id: "shown", version: 2 })), told)).toEqual([]);
    expect(newsOf([shown], live(now), new Map([["shown", 3]]))).toEqual([now]);
  });
});
