import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { followEvents } from "../src/api/eventStream";
import { useToken } from "../src/api/identity";

describe("the live connection", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  /** The cursors that are asked for: after one event, then after a refusal. */
  async function cursorsAfter(refusal: number): Promise<(string | null)[]> {
    const cursors: (string | null)[] = [];
    const end = new AbortController();
    const answers = [
      () => new Response("id: 7-1\nevent: bus\ndata: {}\n\n"),
      () => new Response("{}", { status: refusal }),
      () => {
        end.abort();
        return new Response("");
      },
    ];
    vi.stubGlobal("fetch", (_: string, { headers }: RequestInit) => {
      cursors.push(new Headers(headers).get("Last-Event-ID"));
      return Promise.resolve(answers[cursors.length - 1]?.());
    });
    const following = followEvents({ onEvent: () => undefined, onState: () => undefined }, end.signal);
    await vi.runAllTimersAsync();
    await following;
    return cursors;
  }

  it.each([401, 429, 503])("goes on from the last event when the server refuses for now (%i)", async (status) => {
    expect(await cursorsAfter(status)).toEqual([null, "7-1", "7-1"]);
  });

  it("begins from now when the server knows no such event", async () => {
    expect(await cursorsAfter(422)).toEqual([null, "7-1", null]);
  });

  it("is there in a browser without AbortSignal.any", async () => {
    const end = new AbortController();
    const states: string[] = [];
    vi.spyOn(AbortSignal, "any").mockImplementation(() => {
      throw new TypeError("AbortSignal.any is not a function");
    });
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("data: {}\n\n")));
    const following = followEvents({ onEvent: () => end.abort(), onState: (state) => states.push(state) === 2 && end.abort() }, end.signal);
    await vi.runAllTimersAsync();
    await following;
    vi.restoreAllMocks();
    expect(states).toEqual(["connecting", "live"]);
  });

  it("ends a question that is on its way with who asked", async () => {
    const end = new AbortController();
    const signals: (AbortSignal | null | undefined)[] = [];
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
      signals.push(signal);
      return new Promise((__, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    });
    const following = followEvents({ onEvent: () => undefined, onState: () => undefined }, end.signal);
    end.abort();
    await following;
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });

  it("says who follows, as every other question does", async () => {
    const end = new AbortController();
    const said: (string | null)[] = [];
    vi.stubGlobal("fetch", (_: string, { headers }: RequestInit) => {
      said.push(new Headers(headers).get("Authorization"));
      end.abort();
      return Promise.resolve(new Response(""));
    });
    const { setToken } = useToken();
    setToken("bst_1");
    await followEvents({ onEvent: () => undefined, onState: () => undefined }, end.signal);
    setToken(null);
    expect(said).toEqual(["Bearer bst_1"]);
  });

  it("leaves no connection open when an event cannot be taken", async () => {
    const end = new AbortController();
    const signals: (AbortSignal | null | undefined)[] = [];
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
      signals.push(signal);
      return Promise.resolve(new Response(new ReadableStream({
        start: (body) => body.enqueue(new TextEncoder().encode("data: {\n\n")), // and it goes on
      })));
    });
    const following = followEvents({
      onEvent: () => {
        end.signal.throwIfAborted();
        setTimeout(() => end.abort(), 100);
        throw new Error("cannot be taken");
      },
      onState: () => undefined,
    }, end.signal);
    await vi.advanceTimersByTimeAsync(50);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
    await vi.runAllTimersAsync();
    await following;
  });
});
