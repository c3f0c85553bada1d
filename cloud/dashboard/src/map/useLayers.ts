/**
 * The layers that are on, asked for as of the time that is shown: for what is looked at with a margin around it, again when
 * that is left, and now and then what is now. What is there stays until the new is there.
 */

import type { Map as MapLibre } from "maplibre-gl";
import { onBeforeUnmount, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import { mapApi } from "../api/map";
import { useEvery } from "../composables/useEvery";
import { useMe } from "../composables/useMe";
import { useLive } from "../live/useLive";
import { MAP_LAYERS, type LayerDescription } from "./layers";
import { setData } from "./sources";
import { lookOf } from "./useMapView";
import { isEnough, widened, type Look } from "./view";

const WHILE_MOVING_MS = 200;
const AFTER_EVENT_MS = 600;
const RETRY_MS = 3_000;
const CHECK_MS = 1_000;

export interface LayerState {
  isLoading: boolean;
  hasFailed: boolean;
  isComplete: boolean;
  shown: number;
}

interface Asked {
  look: Look;
  at: string | null;
  /** Of the last answer or failure. */
  endedMs: number;
  running: AbortController | null;
  /** Something happened since it was asked for. */
  isOld: boolean;
}

export function useLayers(map: ShallowRef<MapLibre | null>, shown: Ref<readonly string[]>, at: Ref<string | null>) {
  const live = useLive();
  const { me } = useMe();
  const states = shallowRef<ReadonlyMap<string, LayerState>>(new Map());
  const asked = new Map<string, Asked>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const chosen = (): LayerDescription[] => MAP_LAYERS.filter(({ id, isLive }) => shown.value.includes(id) && !(isLive && at.value === null));

  function note(id: string, change: Partial<LayerState>): void {
    const known = states.value.get(id) ?? { isLoading: false, hasFailed: false, isComplete: true, shown: 0 };
    states.value = new Map(states.value).set(id, { ...known, ...change });
  }

  async function ask(layer: LayerDescription, ready: MapLibre): Promise<void> {
    asked.get(layer.id)?.running?.abort();
    const mine = new AbortController();
    const now: Asked = { look: widened(lookOf(ready)), at: at.value, endedMs: Infinity, running: mine, isOld: false };
    asked.set(layer.id, now);
    note(layer.id, { isLoading: true });
    try {
      const { features, is_complete } = await mapApi.layer(layer.id, { bbox: now.look.box, zoom: now.look.zoom, at: now.at }, mine.signal);
      Object.entries(layer.sources(features)).forEach(([source, data]) => setData(ready, source, data));
      note(layer.id, { isLoading: false, hasFailed: false, isComplete: is_complete, shown: features.length });
    } catch {
      if (mine.signal.aborted) {
        return;
      }
      note(layer.id, { isLoading: false, hasFailed: true });
    }
    Object.assign(now, { endedMs: performance.now(), running: null });
  }

  function isDue(layer: LayerDescription, look: Look): boolean {
    const last = asked.get(layer.id);
    if (last === undefined || last.at !== at.value || !isEnough(last.look, look)) {
      return true;
    }
    if (last.running !== null) {
      return false;
    }
    const agoMs = performance.now() - last.endedMs;
    return states.value.get(layer.id)?.hasFailed ? agoMs > RETRY_MS : at.value === null && (last.isOld || agoMs > layer.everyMs);
  }

  function askWhatIsDue(): void {
    const ready = map.value;
    if (ready !== null) {
      const look = lookOf(ready);
      chosen().filter((layer) => isDue(layer, look)).forEach((layer) => void ask(layer, ready));
    }
  }

  function askSoon(delayMs: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      askWhatIsDue();
    }, delayMs);
  }

  /** What is known of it is old: something happened. An answer that is under way is waited for all the same. */
  function forget(id: string): void {
    const last = asked.get(id);
    if (last !== undefined && at.value === null) {
      last.isOld = true;
      askSoon(AFTER_EVENT_MS);
    }
  }

  /** What one person may see is not another's. */
  function startAnew(): void {
    asked.forEach(({ running }) => running?.abort());
    asked.clear();
    const ready = map.value;
    if (ready !== null) {
      MAP_LAYERS.filter(({ isLive }) => !isLive || at.value !== null)
        .forEach(({ sources }) => Object.entries(sources([])).forEach(([source, data]) => setData(ready, source, data)));
    }
    askWhatIsDue();
  }

  watch(() => `${me.value.way} ${me.value.name}`, startAnew);
  watch(map, (ready) => {
    ready?.on("move", () => askSoon(WHILE_MOVING_MS));
    ready?.on("moveend", () => askSoon(WHILE_MOVING_MS));
  });
  watch([map, shown, at], (_, [, , wasAt]) => {
    const kept = new Set(chosen().map(({ id }) => id));
    for (const [id, { running }] of asked) {
      if (!kept.has(id)) {
        running?.abort();
        asked.delete(id);
        note(id, { isLoading: false, hasFailed: false, isComplete: true });
      }
    }
    if (wasAt !== at.value || kept.size > 0) {
      askWhatIsDue();
    }
  }, { flush: "post" });
  useEvery(CHECK_MS, askWhatIsDue);
  watch(live.cases, () => forget("cases"));
  const stop = live.onTravel(() => forget("search"));
  onBeforeUnmount(() => {
    stop();
    clearTimeout(timer);
    asked.forEach(({ running }) => running?.abort());
  });
  return states;
}
