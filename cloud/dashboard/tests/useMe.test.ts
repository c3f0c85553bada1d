import { afterEach, describe, expect, it, vi } from "vitest";

import { askMe, useMe } from "../src/composables/useMe";

describe("who sits here", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("is who was asked for last, whichever answer comes first", async () => {
    const answers: ((answer: Response) => void)[] = [];
    vi.stubGlobal("fetch", () => new Promise((resolve) => answers.push(resolve)));
    const person = (name: string): Response => Response.json({ name, permissions: [], way: "session" });
    const [before, now] = [askMe(), askMe()];
    answers[1]?.(person("wang"));
    await now;
    answers[0]?.(person("lin"));
    await before;
    expect(useMe().me.value.name).toBe("wang");
  });
});
