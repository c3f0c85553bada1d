import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import type { Station } from "../src/api/network";
import NetworkPage from "../src/pages/NetworkPage.vue";
import { makeRouter } from "./made";

describe("the micro-network of a large fleet", () => {
  let app: App | null = null;
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  it("draws some of its stations until more are wanted", async () => {
    const stations = Array.from({ length: 250 }, (_, number): Station => ({
      device: `bus-${number}`, is_relay: false, name: null, presence: "online", last_seen_at: null, ways: [], lon: null, lat: null, tags: 0, carried: null, gap: null,
    }));
    const view = { at: "2026-11-30T12:00:00Z", since: "2026-11-24", late_s: [10], hours: [], first_hour: null, stations };
    vi.stubGlobal("fetch", (url: string) => (url.includes("/network?") ? Promise.resolve(Response.json(view)) : new Promise(() => undefined)));
    app = createApp(NetworkPage);
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
    const rows = (): number => document.querySelectorAll(".stations tbody tr").length;
    await vi.waitUntil(() => rows() > 0, { timeout: 5_000 });
    expect(rows()).toBe(200);
    document.querySelector<HTMLElement>(".more button")?.click();
    await vi.waitUntil(() => rows() === 250, { timeout: 5_000 });
  });
});
