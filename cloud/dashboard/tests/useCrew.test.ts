import { afterEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";

import type { CaseDetail } from "../src/api/types";
import { useCrew } from "../src/composables/useCrew";
import { makeCase } from "./made";

const JOB: CaseDetail = { ...makeCase({ state: "dispatched" }), actions: ["accept"], history: [], photos: [], repair: null };

describe("a phone without a store that two crews share", () => {
  const scope = effectScope();
  afterEach(() => {
    scope.stop();
    vi.unstubAllGlobals();
  });

  it("never sends the steps of one crew under the name of another", async () => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    const name = ref<string | null>("roads-1");
    const crew = scope.run(() => useCrew(name, ref(null)));
    await crew?.synchronise();
    await crew?.order(JOB, { action: "accept" });
    expect(crew?.steps.value).toHaveLength(1);

    vi.stubGlobal("fetch", (_: string, { method }: RequestInit) => {
      asked.push(method ?? "GET");
      return Promise.resolve(Response.json({ items: [] }));
    });
    name.value = null;
    await nextTick();
    name.value = "roads-2";
    await vi.waitUntil(() => asked.length > 0);
    await crew?.synchronise();
    expect(asked).not.toContain("POST");
  });
});
