/**
 * What the map shows of findings, fetched for what is looked at and a margin around it. What is there stays until the new is
 * there. Where each finding is shown, events change it at once, those of a burst together; where cells are shown, they are
 * fetched anew.
 */

import type { Map as MapLibre } from "maplibre-gl";
import { onBeforeUnmount, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import { api } from "../api/client";
import type { Finding, MapView } from "../api/types";
import { useLive } from "../live/useLive";
import type { Box } from "./shapes";
import { isEnough, isWithin, widened, withFindings, type Look, type Wanted } from "./view";

const WHILE_MOVING_MS = 200;
/** The worker counts cells right after the event; together with this it stays within a second. */
const AFTER_EVENT_MS = 600;
/** Each change draws the whole map, which takes a machine without a graphics card a tenth of a second. */
const BETWEEN_CHANGES_MS = 500;
const RETRY_MS = 3_000;

/** Without `isNow` nothing is asked: what was is drawn by the layers. */
export function useMapView(map: ShallowRef<MapLibre | null>, wanted: Ref<Wanted>, isNow: Ref<boolean>) {
  const live = useLive();
  const view = shallowRef<MapView | null>(null);
  const hasFailed = ref(false);
  let fetched: Look | null = null;
  let running: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  /** Something happened since the view was asked for. */
  let isOld = false;
  /** What events told and the view, or the one that was asked for, does not have yet. */
  let told: Finding[] = [];
  let changing: ReturnType<typeof setTimeout> | undefined;
  let changedMs = -Infinity;

  async function load(): Promise<void> {
    const ready = map.value;
    running?.abort();
    if (ready === null || !isNow.value) {
      return;
    }
    const mine = new AbortController();
    running = mine;
    const look = widened(lookOf(ready));
    fetched = look;
    told = [];
    isAsking = true;
    isOld = false;
    try {
      view.value = await api.map({ bbox: look.box, zoom: look.zoom, ...wanted.value }, mine.signal);
      hasFailed.value = false;
      isAsking = false;
      change();
      if (isOld) {
        loadSoon(AFTER_EVENT_MS);
      }
    } catch {
      if (!mine.signal.aborted) {
        isAsking = false;
        fetched = null;
        hasFailed.value = true;
        loadSoon(RETRY_MS);
      }
    }
  }

  /** What is asked for at the same place is waited for: on a slow line each event would end it, and nothing be shown. */
  function loadSoon(delayMs: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (isAsking && map.value !== null && isEnough(fetched, lookOf(map.value))) {
        isOld = true;
      } else {
        void load();
      }
    }, delayMs);
  }

  function take(finding: Finding): void {
    if (!isNow.value) {
      return;
    }
    const [lon = 0, lat = 0] = finding.geometry.coordinates;
    if (view.value?.kind === "findings" && fetched !== null) {
      told.push(finding);
      changing ??= setTimeout(change, changedMs + BETWEEN_CHANGES_MS - performance.now());
    } else if (fetched === null || isWithin(fetched.box, lon, lat)) {
      loadSoon(AFTER_EVENT_MS);
    }
  }

  function change(): void {
    clearTimeout(changing);
    changing = undefined;
    if (view.value?.kind === "findings" && fetched !== null && told.length > 0) {
      view.value = withFindings(view.value, told, fetched.box, wanted.value);
      changedMs = performance.now();
    }
    told = isAsking ? told : [];
  }

  watch(map, (ready) => {
    const onMove = (): void => {
      if (ready !== null && !isEnough(fetched, lookOf(ready))) {
        loadSoon(WHILE_MOVING_MS);
      }
    };
    ready?.on("move", onMove);
    ready?.on("moveend", onMove);
    void load();
  });
  watch([wanted, isNow], () => void load());
  watch(live.connection, (state) => {
    if (state === "live") {
      void load();
    }
  });
  watch(live.cases, () => {
    if (view.value?.kind === "cells") {
      loadSoon(AFTER_EVENT_MS);
    }
  });
  const stop = live.onFinding(take);
  onBeforeUnmount(() => {
    stop();
    running?.abort();
    clearTimeout(timer);
    clearTimeout(changing);
  });
  return { view, hasFailed };
}

export function lookOf(map: MapLibre): Look {
  const bounds = map.getBounds();
  const box: Box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  return { box, zoom: map.getZoom() };
}
