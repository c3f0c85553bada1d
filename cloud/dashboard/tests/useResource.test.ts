import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope } from "vue";

import { OfflineError } from "../src/api/client";
import { useCollection, type Page } from "../src/composables/useCollection";
import { useEvery } from "../src/composables/useEvery";
import { useResource } from "../src/composables/useResource";

interface Row {
  id: string;
  is?: string;
}

describe("something fetched", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is not asked for any more by a page that was left, without a network too", async () => {
    const scope = effectScope();
    let asked = 0;
    const resource = scope.run(() => useResource(() => {
      asked += 1;
      return Promise.reject(new OfflineError());
    }));
    scope.stop();
    await resource?.load();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(0);
  });

  it("waits for the answer that is under way, however slow, when it is only asked for anew", async () => {
    const scope = effectScope();
    const [answers, ended]: [((answer: string) => void)[], boolean[]] = [[], []];
    const resource = scope.run(() => {
      const made = useResource((signal) => new Promise<string>((resolve) => {
        signal.addEventListener("abort", () => ended.push(true));
        answers.push(resolve);
      }));
      useEvery(10_000, () => void made.refresh());
      return made;
    });
    void resource?.load();
    await vi.advanceTimersByTimeAsync(35_000);
    answers[0]?.("slow");
    await vi.advanceTimersByTimeAsync(1);
    expect([resource?.data.value, answers.length, ended]).toEqual(["slow", 1, []]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(answers.length).toBe(2);
    scope.stop();
  });
});

describe("a list in pages", () => {
  let scope = effectScope();
  beforeEach(() => void (scope = effectScope()));
  afterEach(() => scope.stop());

  /** A list whose answers are given by hand, in any order. */
  function byHand() {
    const answers: ((page: Page<Row>) => void)[] = [];
    const cursors: (string | null)[] = [];
    const list = scope.run(() => useCollection<Row>((cursor) => new Promise((resolve) => {
      cursors.push(cursor);
      answers.push(resolve);
    })));
    if (list === undefined) {
      throw new Error("the scope has ended");
    }
    async function answer(number: number, ids: readonly string[], next: string | null): Promise<void> {
      answers[number]?.({ items: ids.map((id) => ({ id })), next });
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { list, answer, cursors, ids: () => list.items.value.map(({ id }) => id) };
  }

  it("has nothing of what was asked for by another filter, however late that comes", async () => {
    const { list, answer, ids } = byHand();
    void list.load();
    await answer(0, ["a"], "2");
    void list.loadMore();
    void list.load();
    await answer(2, ["x"], null);
    await answer(1, ["b"], "3");
    expect(ids()).toEqual(["x"]);
    expect(list.hasMore.value).toBe(false);
  });

  it("is not gone on with while it is read anew: its place is of the old filter", async () => {
    const { list, answer, cursors } = byHand();
    void list.load();
    await answer(0, ["a"], "2");
    void list.load();
    void list.loadMore();
    expect(cursors).toEqual([null, null]);
  });

  it("waits for its pages that are under way when it is only asked for anew", async () => {
    const { list, answer, cursors } = byHand();
    void list.load();
    void list.refresh();
    await answer(0, ["a"], "2");
    void list.loadMore();
    void list.refresh();
    await answer(1, ["b"], "3");
    void list.refresh();
    expect(cursors).toEqual([null, "2", null]);
  });

  it("has each once, also what came first as news", async () => {
    const { list, answer, ids } = byHand();
    void list.load();
    await answer(0, ["a"], "2");
    list.change({ id: "c", is: "new" }, true);
    void list.loadMore();
    await answer(1, ["b", "c"], null);
    expect(ids()).toEqual(["c", "a", "b"]);
    expect(list.items.value[0]?.is).toBe("new");
  });

  it("says why there is no more of it", async () => {
    const list = scope.run(() => useCollection<Row>((cursor) => (cursor === null ? Promise.resolve({ items: [{ id: "a" }], next: "2" }) : Promise.reject(new Error("refused")))));
    await list?.load();
    await list?.loadMore();
    expect(list?.error.value?.message).toBe("refused");
  });
});
