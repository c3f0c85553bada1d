import type { FeatureCollection } from "geojson";
import type { Map as MapLibre } from "maplibre-gl";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, ref, shallowRef, triggerRef, type App, type ShallowRef } from "vue";

import type { Bus } from "../src/api/types";
import { askMe } from "../src/composables/useMe";
import { useLive } from "../src/live/useLive";
import { useBusLayer } from "../src/map/useBusLayer";
import { useLayers } from "../src/map/useLayers";
import { useMapView } from "../src/map/useMapView";

/** A map of one place that keeps what its sources were given. */
function makeMap() {
  const drawn = new Map<string, FeatureCollection>();
  const bounds = { getWest: () => 120.3, getSouth: () => 27.4, getEast: () => 120.5, getNorth: () => 27.6 };
  const sources = new Map<string, object>();
  const getSource = (name: string): object => {
    const source = sources.get(name) ?? { setData: (data: FeatureCollection) => drawn.set(name, data) };
    sources.set(name, source);
    return source;
  };
  return { drawn, map: { on: () => undefined, getBounds: () => bounds, getZoom: () => 12, getSource } as unknown as MapLibre };
}

describe("the live map", () => {
  const live = useLive();
  let app: App | null = null;
  const asked: string[] = [];
  const answers: ((answer: Response) => void)[] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = answers.length = 0;
    vi.stubGlobal("fetch", (url: string, { signal }: RequestInit) => new Promise((resolve, reject) => {
      asked.push(url);
      answers.push(resolve);
      signal?.addEventListener("abort", () => reject(new DOMException("ended", "AbortError")));
    }));
  });
  afterEach(() => {
    app?.unmount();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function open<T>(use: (map: ShallowRef<MapLibre | null>) => T) {
    const { map, drawn } = makeMap();
    const shown = shallowRef<MapLibre | null>(null);
    let used: T | undefined;
    app = createApp({ setup: () => { used = use(shown); }, render: () => null });
    app.mount(document.createElement("div"));
    shown.value = map;
    await vi.advanceTimersByTimeAsync(1);
    return { used: used as T, drawn };
  }

  /** Somewhere a case changes, each second. */
  async function live10s(): Promise<void> {
    for (let second = 0; second < 10; second += 1) {
      triggerRef(live.cases);
      await vi.advanceTimersByTimeAsync(1_000);
    }
  }

  it("waits for the cells on a slow line, whatever happens meanwhile, and asks once more after it", async () => {
    const { used } = await open((map) => useMapView(map, ref({ classCode: null, states: [] }), ref(true)));
    answers[0]?.(Response.json({ kind: "cells", cells: [] }));
    await vi.advanceTimersByTimeAsync(1);
    await live10s();
    expect(asked).toHaveLength(2);
    answers[1]?.(Response.json({ kind: "cells", cells: [{ findings: 3 }] }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used.view.value).toMatchObject({ cells: [{ findings: 3 }] });
    expect(asked).toHaveLength(3);
  });

  it("waits for its cases on a slow line, whatever happens meanwhile, and asks once more after it", async () => {
    const { used: states } = await open((map) => useLayers(map, ref(["cases"]), ref(null)));
    await live10s();
    expect(asked).toHaveLength(1);
    answers[0]?.(Response.json({ features: [], is_complete: true }));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(states.value.get("cases")?.shown).toBe(0);
    expect(asked).toHaveLength(2);
  });

  it("keeps nothing in its layers of who looked before", async () => {
    const { drawn } = await open((map) => useLayers(map, ref(["driving"]), ref(null)));
    answers[0]?.(Response.json({ features: [{ type: "Feature" }], is_complete: true }));
    await vi.advanceTimersByTimeAsync(1);
    expect(drawn.get("layer-driving")?.features).toHaveLength(1);
    const told = askMe();
    answers.at(-1)?.(Response.json({ name: "wang", permissions: [], way: "session" }));
    await told;
    await vi.advanceTimersByTimeAsync(1);
    expect(drawn.get("layer-driving")?.features).toEqual([]);
    expect(asked.at(-1)).toContain("/map/layers/driving");
  });

  it("draws no bus any longer that has left the list", async () => {
    const bus = (device: string) => ({ device, presence: "online", lon: 120.4, lat: 27.5, position_at: "2026-11-30T12:00:00Z", heading_deg: 0, speed_mps: 0 }) as Bus;
    live.buses.value = new Map(["bus-1", "bus-2"].map((device) => [device, bus(device)]));
    const { drawn } = await open((map) => useBusLayer(map, ref(true)));
    const devices = (): unknown[] => drawn.get("buses")?.features.map(({ properties }) => properties?.["device"]) ?? [];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(devices()).toEqual(["bus-1", "bus-2"]);
    live.buses.value = new Map([["bus-2", bus("bus-2")]]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(devices()).toEqual(["bus-2"]);
  });
});
