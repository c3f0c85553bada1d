import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";

import type { CaseItem } from "../src/api/types";
import type { Queue } from "../src/cases/triage";
import { useCase } from "../src/composables/useCase";
import { useTriage } from "../src/composables/useTriage";
import { useLive } from "../src/live/useLive";
import { makeCase } from "./made";

type Given = (answer: Response) => void;

let scope = effectScope();
const asked: string[] = [];
const answers: Given[] = [];
const live = useLive();

beforeEach(() => {
  scope = effectScope();
  asked.length = answers.length = 0;
  live.cases.value = new Map();
  vi.stubGlobal("fetch", (url: string) => new Promise<Response>((resolve) => {
    asked.push(url.replace("/api/v1", "").replace(/\?.*/, ""));
    answers.push(resolve);
  }));
});
afterEach(() => {
  scope.stop();
  vi.unstubAllGlobals();
});

function tell(item: CaseItem): Promise<void> {
  live.cases.value = new Map([...live.cases.value, [item.id, item]]);
  return nextTick();
}

function queueOf(): ReturnType<typeof useTriage> {
  const queue = scope.run(() => useTriage(ref<Queue>("judge")));
  if (queue === undefined) {
    throw new Error("the scope has ended");
  }
  return queue;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("a case that is looked at", () => {
  it("is read anew when it changed while it was on its way", async () => {
    const found = scope.run(() => useCase(ref("case")));
    await tell(makeCase({ version: 2 }));
    answers[0]?.(Response.json(makeCase({ version: 1 })));
    await settled();
    expect(asked).toEqual(["/cases/case", "/cases/case"]);
    answers[1]?.(Response.json(makeCase({ version: 2 })));
    await settled();
    expect(found?.data.value?.version).toBe(2);
  });
});

describe("the queue of judging", () => {
  it("knows what changed while it was on its way", async () => {
    const queue = queueOf();
    await tell(makeCase({ id: "judged", version: 2, state: "filed" }));
    await tell(makeCase({ id: "new" }));
    answers[0]?.(Response.json({ items: [makeCase({ id: "judged" }), makeCase({ id: "old" })], next: null }));
    await settled();
    expect(queue.items.value.map(({ id }) => id)).toEqual(["old", "new"]);
  });

  it("goes on with those that no page held, and says that there are more", async () => {
    const queue = queueOf();
    answers[0]?.(Response.json({ items: [makeCase({ id: "first" })], next: "2" }));
    await settled();
    expect(queue.hasMore.value).toBe(true);
    const lists = (): number => asked.filter((path) => path === "/cases").length;
    expect(lists()).toBe(1);
    await tell(makeCase({ id: "first", version: 2, state: "filed" }));
    expect(lists()).toBe(2);
    answers.at(-1)?.(Response.json({ items: [makeCase({ id: "second" })], next: null }));
    await settled();
    expect(queue.items.value.map(({ id }) => id)).toEqual(["second"]);
    expect(queue.hasMore.value).toBe(false);
  });

  it("does not bring back what was just judged, before the live connection tells of it", async () => {
    const reported = makeCase({ id: "judged" });
    await tell(reported);
    const queue = queueOf();
    answers[0]?.(Response.json({ items: [reported], next: null }));
    await settled();
    answers[1]?.(Response.json({ ...reported, actions: ["file"] }));
    await settled();
    const judging = queue.judge({ action: "file", version: 1 });
    answers[2]?.(Response.json({ ...reported, version: 2, state: "filed", actions: [] }));
    await judging;
    expect(queue.items.value).toEqual([]);
    await tell(makeCase({ id: "other" }));
    expect(queue.items.value.map(({ id }) => id)).toEqual(["other"]);
  });
});
