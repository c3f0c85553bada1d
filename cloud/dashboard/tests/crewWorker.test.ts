// @vitest-environment node
/** The service worker of the crew's page, with a browser's store that is only a list. */

import { readFileSync } from "node:fs";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const ORIGIN = "https://city.example";
const CODE = readFileSync("public/crew-worker.js", "utf8");

type Listener = (event: object) => void;

/** As a browser's: what is put goes to the end. */
class FakeCache {
  readonly kept = new Map<string, Response>();

  match = (asked: { url: string } | string): Promise<Response | undefined> => Promise.resolve(this.kept.get(urlOf(asked))?.clone());
  keys = (): Promise<string[]> => Promise.resolve([...this.kept.keys()]);
  delete = (url: string): Promise<boolean> => Promise.resolve(this.kept.delete(url));
  add = async (url: string): Promise<void> => this.put(url, await fetch(url));

  put = (asked: { url: string } | string, answer: Response): Promise<void> => {
    this.kept.delete(urlOf(asked));
    this.kept.set(urlOf(asked), answer.clone());
    return Promise.resolve();
  };
}

function urlOf(asked: { url: string } | string): string {
  return new URL(typeof asked === "string" ? asked : asked.url, ORIGIN).href;
}

describe("the crew's page without a good network", () => {
  const listeners = new Map<string, Listener>();
  const stores = new Map<string, FakeCache>();
  const files = (): FakeCache => stores.get("busense-crew-files-1") ?? new FakeCache();

  beforeEach(() => {
    vi.useFakeTimers();
    [listeners, stores].forEach((all) => all.clear());
    const scope = { addEventListener: (name: string, listener: Listener) => listeners.set(name, listener), location: { origin: ORIGIN } };
    const caches = { open: (name: string) => Promise.resolve(stores.get(name) ?? stores.set(name, new FakeCache()).get(name)) };
    new Function("self", "caches", CODE)(scope, caches);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function open(path: string, mode: string): Promise<string> {
    let answer: Promise<Response> | undefined;
    listeners.get("fetch")?.({ request: { method: "GET", mode, url: ORIGIN + path }, respondWith: (given: Promise<Response>) => (answer = given) });
    await vi.advanceTimersByTimeAsync(5_000);
    return (await answer)?.text() ?? "";
  }

  function serve(answer: () => Promise<Response>): void {
    vi.stubGlobal("fetch", answer);
  }

  it.each([
    ["the line is cut", () => Promise.reject(new TypeError("no network"))],
    ["the line carries nothing", () => new Promise<Response>(() => undefined)],
    ["the server is in trouble", () => Promise.resolve(new Response("bad gateway", { status: 502 }))],
  ])("opens as it was kept when %s", async (_, answer) => {
    serve(() => Promise.resolve(new Response("jobs")));
    expect(await open("/crew", "navigate")).toBe("jobs");
    serve(answer);
    expect(await open("/crew/c1", "navigate")).toBe("jobs");
  });

  it("opens as it is now on a good one", async () => {
    serve(() => Promise.resolve(new Response("old")));
    await open("/crew", "navigate");
    serve(() => Promise.resolve(new Response("new")));
    expect(await open("/crew", "navigate")).toBe("new");
    expect(await (await files().match("/crew"))?.text()).toBe("new");
  });

  it("forgets the files of old versions, never one that is in use since long", async () => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", (of: { url: string } | string) => {
      asked.push(urlOf(of));
      return Promise.resolve(new Response("file"));
    });
    await open("/assets/shared.js", "cors");
    for (let version = 0; version < 400; version += 1) {
      await open(`/assets/page-${version}.js`, "cors");
      let kept: Promise<void> | undefined;
      listeners.get("message")?.({ data: { keep: [`${ORIGIN}/assets/shared.js`] }, waitUntil: (until: Promise<void>) => (kept = until) });
      await kept;
    }
    expect(asked.filter((url) => url === `${ORIGIN}/assets/shared.js`)).toHaveLength(1);
    expect(files().kept.size).toBeLessThanOrEqual(301);
    expect(files().kept.has(`${ORIGIN}/assets/page-0.js`)).toBe(false);
  });
});
