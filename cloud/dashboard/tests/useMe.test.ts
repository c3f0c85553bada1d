import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope } from "vue";

import { askMe, followMe, useMe } from "../src/composables/useMe";

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

  describe("on two pages of the browser", () => {
    const other = new BroadcastChannel("busense.me");
    let scope = effectScope();
    const asked: (string | null)[] = [];
    beforeEach(() => {
      vi.stubGlobal("fetch", (_url: string, { headers }: RequestInit) => {
        asked.push(new Headers(headers).get("Authorization"));
        return Promise.resolve(Response.json({}, { status: 401 }));
      });
      scope = effectScope();
      scope.run(followMe);
      asked.length = 0;
    });
    afterEach(() => scope.stop());
    afterAll(() => {
      localStorage.clear();
      other.close();
    });

    it("is asked anew when another page says that somebody came or went", async () => {
      other.postMessage(null);
      await vi.waitUntil(() => asked.length === 1 && useMe().mustSignIn.value);
    });

    it("is told to the other page by the one that asks", async () => {
      const heard = vi.fn();
      other.onmessage = heard;
      await askMe();
      await vi.waitUntil(() => heard.mock.calls.length === 1);
      expect(asked).toEqual([null]);
    });

    it("has the token of the page where it was put in", async () => {
      localStorage.setItem("busense.token", "bst_1");
      dispatchEvent(new StorageEvent("storage", { key: "busense.token" }));
      await vi.waitUntil(() => asked.length === 1);
      expect(asked).toEqual(["Bearer bst_1"]);
    });
  });
});
