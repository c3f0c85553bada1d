import { afterEach, describe, expect, it, vi } from "vitest";

import { api, OfflineError } from "../src/api/client";
import { fleet } from "../src/api/fleet";
import { furniture } from "../src/api/furniture";
import { people } from "../src/api/people";
import { requests } from "../src/api/requests";
import { travel } from "../src/api/travel";

const sent: RequestInit[] = [];

function listen(): void {
  vi.stubGlobal("fetch", (_url: string, request: RequestInit) => {
    sent.push(request);
    return Promise.resolve(Response.json({ items: [] }));
  });
}

function keys(): (string | undefined)[] {
  return sent.map((request) => (request.headers as Record<string, string>)["Idempotency-Key"]);
}

afterEach(() => {
  sent.length = 0;
  vi.unstubAllGlobals();
});

describe("the way to the API", () => {
  it("has a key of its own for each write", async () => {
    listen();
    await people.makeLink("lin");
    await people.makeLink("lin");
    await travel.withdraw("a");
    await fleet.endLookingOn("b");
    await furniture.keep("c", "it stands");
    await api.replayDelivery("d");
    await requests.export("e", 1, []);
    await api.undoDecision("f", { reason: "seen" });

    expect(new Set(keys()).size).toBe(8);
    expect(keys().every((key) => /^[0-9a-f]{32}$/.test(key ?? ""))).toBe(true);
  });

  it("waits a minute for an answer, and then counts it as not reached", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", (_url: string, { signal }: RequestInit) => new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
    }));
    const ends = vi.fn();
    api.summary().catch(ends);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(ends).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ends).toHaveBeenCalledWith(expect.any(OfflineError));
    vi.useRealTimers();
  });

  it("sends what was never answered under its key again, so that it happens once", async () => {
    vi.useFakeTimers();
    listen();
    const answered = fetch;
    const unanswered = async (work: () => Promise<unknown>): Promise<void> => {
      vi.stubGlobal("fetch", (_url: string, request: RequestInit) => {
        sent.push(request);
        return Promise.reject(new TypeError("no network"));
      });
      await expect(work()).rejects.toBeInstanceOf(OfflineError);
      vi.stubGlobal("fetch", answered);
    };
    const ask = () => travel.ask("a", { kind: "search", purpose: "not come home", minutes: 60 });
    await unanswered(ask);
    await travel.ask("b", { kind: "search", purpose: "not come home", minutes: 60 });
    await ask();
    await ask();
    const [first, other, again, later] = keys();
    expect(again).toBe(first);
    expect(new Set([first, other, later]).size).toBe(3);

    sent.length = 0;
    await unanswered(ask);
    vi.advanceTimersByTime(600_000);
    await ask();
    expect(new Set(keys()).size).toBe(2);
    vi.useRealTimers();
  });

  it("keeps the key that a waiting step was given", async () => {
    listen();
    await api.act("a", { action: "accept", version: 1 }, "drawn-before-the-network-went");

    expect(keys()).toEqual(["drawn-before-the-network-went"]);
  });

  it("reads without one", async () => {
    listen();
    await people.everybody();
    await travel.people();

    expect(keys()).toEqual([undefined, undefined]);
  });
});
