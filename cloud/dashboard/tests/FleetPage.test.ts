import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, nextTick, triggerRef, type App } from "vue";

import type { Bus } from "../src/api/types";
import { useLocale } from "../src/composables/useLocale";
import { useLive } from "../src/live/useLive";
import FleetPage from "../src/pages/FleetPage.vue";
import { makeRouter } from "./made";

function makeBus(number: number, changes: Partial<Bus> = {}): Bus {
  return {
    device: `bus-${String(number).padStart(4, "0")}`, is_relay: false, presence: "online", last_seen_at: null, lon: null, lat: null, heading_deg: null,
    speed_mps: 5, position_at: null, outbox_depth: 0, outbox_oldest_s: null, frames_per_s: 10, camera: "working", pictures_waiting: 0, outbox: "disk",
    outbox_damaged: 0, given_up_by_kind: {}, pictures_given_up: 0, stored_up_to: 0, missing: 0, given_up: 0, redelivered: 0, ...changes,
  };
}

describe("the page of a large fleet", () => {
  const { buses, hasBuses } = useLive();
  let app: App | null = null;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", () => new Promise(() => undefined));
    buses.value = new Map([["bus-0000", makeBus(0)]]);
    hasBuses.value = true;
    app = createApp(FleetPage);
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
  });
  afterEach(() => {
    app?.unmount();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const text = (): string => document.querySelector("tbody")?.textContent ?? "";

  it("is drawn with the clock, not with each of many positions", async () => {
    await nextTick();
    buses.value.set("bus-0000", makeBus(0, { speed_mps: 20 }));
    triggerRef(buses);
    await nextTick();
    expect(text()).not.toContain("72 km/h");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(text()).toContain("72 km/h");
  });

  it.each([["zh", "1 辆"], ["en", "1 bus"]] as const)("counts buses as one counts buses in %s", async (language, words) => {
    useLocale().setLanguage(language);
    await nextTick();
    expect(document.querySelector("[role=status]")?.textContent).toBe(words);
  });

  it("is drawn at once when it was asked for anew", async () => {
    await nextTick();
    buses.value = new Map([["bus-0000", makeBus(0, { speed_mps: 20 })]]);
    await nextTick();
    expect(text()).toContain("72 km/h");
  });
});
