import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";

import type { CaseDetail } from "../src/api/types";
import { useCrew } from "../src/composables/useCrew";
import * as store from "../src/crew/store";
import type { CrewOrder, Step } from "../src/crew/steps";
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

describe("a phone on which another crew has signed in, and this page does not know yet", () => {
  const scope = effectScope();
  afterEach(() => {
    scope.stop();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("says who did each step and whose jobs it asks for, and keeps what is refused as another's", async () => {
    const meant: (string | null)[] = [];
    let stored = store.NOTHING;
    vi.spyOn(store, "readKept").mockImplementation(() => Promise.resolve(stored));
    vi.spyOn(store, "changeKept").mockImplementation((_, change) => Promise.resolve((stored = change(stored))));
    vi.stubGlobal("fetch", (_: string, { headers }: RequestInit) => {
      meant.push(new Headers(headers).get("X-Busense-Crew"));
      return Promise.resolve(Response.json({ title: "Precondition Failed" }, { status: 412 }));
    });
    const crew = scope.run(() => useCrew(ref("roads-1"), ref(null)));
    await crew?.order(JOB, { action: "accept" });
    await crew?.synchronise();
    expect(new Set(meant)).toEqual(new Set(["roads-1"]));
    expect(crew?.steps.value.map(({ trouble }) => trouble)).toEqual([null]);
    expect(crew?.jobs.value).toEqual([]);
  });
});

describe("a phone's store that refuses for a while", () => {
  const scope = effectScope();
  afterEach(() => {
    scope.stop();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("gets what the page kept meanwhile, and gives what another page kept", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    let stored = store.NOTHING;
    let isFull = false;
    vi.spyOn(store, "readKept").mockImplementation(() => Promise.resolve(stored));
    vi.spyOn(store, "changeKept").mockImplementation((_, change) => {
      if (isFull) {
        return Promise.reject(new Error("full"));
      }
      stored = change(stored);
      return Promise.resolve(stored);
    });
    const crew = scope.run(() => useCrew(ref("roads-1"), ref(null)));
    await crew?.order({ ...JOB, id: "a" }, { action: "accept" });
    isFull = true;
    await crew?.drop("a");
    await crew?.order({ ...JOB, id: "b" }, { action: "accept" });
    expect(crew?.hasStore.value).toBe(false);
    expect(crew?.steps.value.map(({ caseId }) => caseId)).toEqual(["b"]);

    const others = stored.steps.map((own): Step => ({ ...own, key: "others", caseId: "c" }));
    stored = { ...stored, steps: [...stored.steps, ...others] };
    isFull = false;
    await crew?.order({ ...JOB, id: "d" }, { action: "accept" });
    expect(crew?.hasStore.value).toBe(true);
    expect(stored.steps.map(({ caseId }) => caseId)).toEqual(["c", "b", "d"]);
    expect(crew?.steps.value).toEqual(stored.steps);
  });
});

describe("what a crew does with quick fingers", () => {
  let scope = effectScope();
  beforeEach(() => (scope = effectScope()));
  afterEach(() => {
    scope.stop();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("keeps a photo that is still being made small before what was done after it, and what was pressed twice once", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    let ready: () => void = () => undefined;
    vi.stubGlobal("createImageBitmap", () => new Promise((resolve) => (ready = () => resolve({ width: 4000, height: 3000, close: () => undefined }))));
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done) => done(new Blob(["small"])));
    const crew = scope.run(() => useCrew(ref("roads-1"), ref(null)));
    const item: CaseDetail = { ...JOB, state: "accepted" };
    const done: CrewOrder = { action: "done", materials: [], length_m: null, width_m: null, reason: null };
    void crew?.addPhoto(item, { kind: "after", content: new Blob(["large"]), lon: null, lat: null });
    void crew?.order(item, done);
    const last = crew?.order(item, done);
    await new Promise((resolve) => setTimeout(resolve));
    ready();
    await last;
    expect(crew?.steps.value.map(({ order }) => order.what)).toEqual(["photo", "action"]);
    expect(crew?.hasLostPhoto.value).toBe(false);
  });

  it("says so when a photo cannot be read, and does what comes after it", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("not a picture")));
    const crew = scope.run(() => useCrew(ref("roads-1"), ref(null)));
    void crew?.addPhoto(JOB, { kind: "before", content: new Blob(["?"]), lon: null, lat: null });
    await crew?.order(JOB, { action: "accept" });
    expect(crew?.steps.value).toHaveLength(1);
    expect(crew?.hasLostPhoto.value).toBe(true);
  });
});
