import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { askMe } from "../src/composables/useMe";
import { startLive, useLive } from "../src/live/useLive";
import { makeCase } from "./made";

type Answer = () => Promise<Response> | Response;

const ITEMS: Answer = () => Response.json({ items: [], features: [], classes: [] });
/** Goes on for ever. */
const OPEN: Answer = () => new Response(new ReadableStream());

describe("what is known now", () => {
  const live = useLive();
  let end = new AbortController();
  let server: Record<string, Answer> = {};
  const asked: string[] = [];

  beforeEach(() => {
    end = new AbortController();
    asked.length = 0;
    vi.stubGlobal("fetch", (url: string) => {
      const path = url.replace("/api/v1", "").replace(/\?.*/, "");
      asked.push(path);
      return Promise.resolve((server[path] ?? ITEMS)());
    });
  });
  afterEach(() => {
    end.abort();
    vi.unstubAllGlobals();
  });

  const sits = (name: string, permissions: string[]): Answer => () => Response.json({ name, permissions, way: "session" });
  const streams = (): number => asked.filter((path) => path === "/events").length;

  it("holds nothing of who sat here before", async () => {
    server = { "/events": OPEN, "/me": sits("lin", ["see_cases"]), "/cases": () => Response.json({ items: [makeCase()] }) };
    await askMe();
    startLive(end.signal);
    await vi.waitUntil(() => live.isLoaded.value);
    expect(live.cases.value.size).toBe(1);
    await askMe();
    expect(streams()).toBe(1);

    server["/me"] = sits("wang", []);
    await askMe();
    await vi.waitUntil(() => streams() === 2 && live.isLoaded.value);
    expect(live.cases.value.size).toBe(0);
    expect(live.feed.value).toEqual([]);
  });

  it("keeps a case that is newer than an answer that comes late", async () => {
    const answers: ((answer: Response) => void)[] = [];
    server = { "/me": sits("lin", ["see_cases"]), "/cases": () => new Promise((resolve) => answers.push(resolve)) };
    const older = live.loadPresentState(end.signal);
    await vi.waitUntil(() => answers.length === 1);
    const newer = live.loadPresentState(end.signal);
    await vi.waitUntil(() => answers.length === 2);
    answers[1]?.(Response.json({ items: [makeCase({ version: 2 })] }));
    await newer;
    answers[0]?.(Response.json({ items: [makeCase({ version: 1 })] }));
    await older;
    expect(live.cases.value.get("case")?.version).toBe(2);
  });

  it("says nothing has failed when the page that asked was left", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new DOMException("left", "AbortError")));
    await live.loadPresentState(AbortSignal.abort());
    expect(live.feedError.value).toBeNull();
  });

  it("waits for what is asked for again and again; an answer from before somebody else sat down is not taken", async () => {
    const bus = (device: string): Response => Response.json({ items: [{ device, missing: 0 }] });
    let answer: (given: Response) => void = () => undefined;
    server = { "/events": OPEN, "/me": sits("zhou", []) };
    startLive(end.signal);
    await askMe(); // somebody else sits down
    await vi.waitUntil(() => live.isLoaded.value);
    server["/buses"] = () => new Promise((resolve) => (answer = resolve));
    asked.length = 0;
    void live.refreshBuses();
    void live.refreshBuses();
    expect(asked).toEqual(["/buses"]);

    server["/buses"] = () => bus("bus-2");
    server["/me"] = sits("wu", []);
    await askMe();
    await vi.waitUntil(() => live.buses.value.has("bus-2"));
    answer(bus("bus-1"));
    await new Promise((resolve) => setTimeout(resolve));
    expect([...live.buses.value.keys()]).toEqual(["bus-2"]);
  });

  it("tells the newest first, also what came before the rest was known", async () => {
    const heard = { id: "o", received_at: "2026-11-24T12:30:00Z", class_code: "D40", lon: 120.4, lat: 27.5, device: "bus-1", confidence: 0.9 };
    const event = new TextEncoder().encode(`event: observation\ndata: ${JSON.stringify(heard)}\n\n`);
    let answer: (given: Response) => void = () => undefined;
    server = {
      "/events": () => new Response(new ReadableStream({ start: (body) => body.enqueue(event) })),
      "/me": sits("chen", ["see_cases"]),
      "/cases": () => Response.json({ items: [makeCase({ opened_at: "2026-11-24T12:00:00Z" })] }),
      "/catalogue": () => Response.json({ classes: [{ code: "D40" }] }),
      "/findings": () => new Promise((resolve) => (answer = resolve)),
    };
    startLive(end.signal);
    await askMe(); // somebody else sits down
    await vi.waitUntil(() => live.feed.value.length === 1);
    answer(ITEMS() as Response);
    await vi.waitUntil(() => live.isLoaded.value);
    expect(live.feed.value.map(({ kind }) => kind)).toEqual(["observation", "case"]);
  });

  it("is read anew at leisure when it has grown large, not with each event", async () => {
    vi.useFakeTimers();
    let tell: (from: number, to: number) => void = () => undefined;
    server = {
      "/me": sits("sun", []),
      "/events": () => new Response(new ReadableStream({
        start: (body) => {
          tell = (from, to) => {
            const events = Array.from({ length: to - from }, (_, place) => `event: finding\ndata: ${JSON.stringify(finding(from + place))}\n\n`);
            body.enqueue(new TextEncoder().encode(events.join("")));
          };
        },
      })),
    };
    const finding = (number: number) => ({ id: String(number), geometry: { coordinates: [120.4, 27.5] }, properties: { state: "open", passes_seen: 2 } });
    const reads = (): number => asked.filter((path) => path === "/findings").length;
    startLive(end.signal);
    await vi.advanceTimersByTimeAsync(100);
    await askMe();
    await vi.advanceTimersByTimeAsync(100);
    asked.length = 0;
    server["/findings"] = () => new Promise(() => undefined);
    tell(0, 10_001);
    for (let frame = 0; frame < 5; frame += 1) {
      await vi.advanceTimersByTimeAsync(100);
      tell(20_000 + frame, 20_001 + frame);
    }
    expect(reads()).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads()).toBe(1);
    vi.useRealTimers();
  });
});
