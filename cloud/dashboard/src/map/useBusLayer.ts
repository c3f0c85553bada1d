/** Buses that move and rings where something was just observed: the only things on the map that change by themselves. */

import type { Map as MapLibre } from "maplibre-gl";
import { onBeforeUnmount, watch, type Ref, type ShallowRef } from "vue";

import type { Bus, BusPoint, ObservationEvent } from "../api/types";
import { useLive } from "../live/useLive";
import { BusMotion, restAfter, type TrackPoint } from "./motion";
import { busFeatures, type DrawnBus } from "./shapes";
import { setData } from "./sources";
import { SOURCES } from "./style";

const PULSE_MS = 2_500;
const PULSE_RADIUS_PX = 34;

interface Pulse {
  lon: number;
  lat: number;
  classCode: string;
  startMs: number;
}

/** Only what is now is drawn here; what was is drawn by the layers, and stops are a layer of their own. */
export function useBusLayer(map: ShallowRef<MapLibre | null>, isNow: Ref<boolean>): void {
  const live = useLive();
  const motions = new Map<string, BusMotion>();
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  let pulses: Pulse[] = [];
  let hadPulses = false;
  let isDirty = true;
  let frame = 0;
  let lastFrameMs = Infinity;
  let longestFrameMs = 0;
  let nextFrameMs = 0;

  const stopBus = live.onBus((event) => {
    place(event.device, event.points.map(trackPoint));
    isDirty = true;
  });
  const stopObservation = live.onObservation((event) => {
    if (isNow.value) {
      pulses.push(pulseOf(event));
    }
  });
  const stopBuses = watch(live.buses, (buses) => {
    for (const bus of buses.values()) {
      if (!motions.has(bus.device)) {
        place(bus.device, lastPoint(bus));
      }
    }
    [...motions.keys()].filter((device) => !buses.has(device)).forEach((device) => motions.delete(device));
    isDirty = true;
  }, { immediate: true });
  const stopNow = watch(isNow, () => {
    isDirty = true;
    pulses = [];
  });
  const stopMap = watch(map, (ready) => {
    cancelAnimationFrame(frame);
    if (ready !== null) {
      isDirty = true;
      frame = requestAnimationFrame((nowMs) => step(ready, nowMs));
    }
  }, { immediate: true });

  onBeforeUnmount(() => {
    cancelAnimationFrame(frame);
    [stopBus, stopObservation, stopBuses, stopNow, stopMap].forEach((stop) => stop());
  });

  function place(device: string, points: readonly TrackPoint[]): void {
    const motion = motions.get(device) ?? new BusMotion();
    motions.set(device, motion);
    motion.push(points, performance.now());
    if (isStill.matches) {
      motion.jump();
    }
  }

  function step(ready: MapLibre, nowMs: number): void {
    frame = requestAnimationFrame((laterMs) => step(ready, laterMs));
    longestFrameMs = Math.max(longestFrameMs, nowMs - lastFrameMs);
    lastFrameMs = nowMs;
    if (nowMs < nextFrameMs) {
      return;
    }
    const startedMs = performance.now();
    drawBuses(ready, nowMs);
    drawPulses(ready, nowMs);
    nextFrameMs = nowMs + restAfter({ workedMs: performance.now() - startedMs, longestFrameMs });
    longestFrameMs = 0;
  }

  function drawBuses(ready: MapLibre, nowMs: number): void {
    const isMoving = [...motions.values()].some((motion) => motion.isMoving);
    if (isNow.value && (isMoving || isDirty)) {
      setData(ready, SOURCES.buses, busFeatures(drawnBuses(nowMs)));
      isDirty = false;
    }
  }

  function drawnBuses(nowMs: number): DrawnBus[] {
    return [...motions].flatMap(([device, motion]) => {
      const pose = motion.at(nowMs);
      const known = live.buses.value.get(device);
      const presence = known?.presence ?? "online";
      return pose === null || known?.is_relay ? [] : [{ device, presence, pose }];
    });
  }

  function drawPulses(ready: MapLibre, nowMs: number): void {
    pulses = pulses.filter((pulse) => nowMs - pulse.startMs < PULSE_MS);
    if (pulses.length > 0 || hadPulses) {
      setData(ready, SOURCES.pulses, { type: "FeatureCollection", features: pulses.map((pulse) => pulseFeature(pulse, nowMs)) });
    }
    hadPulses = pulses.length > 0;
  }
}

function trackPoint(point: BusPoint): TrackPoint {
  return {
    atMs: Date.parse(point.at),
    lon: point.lon,
    lat: point.lat,
    headingDeg: point.heading_deg ?? 0,
    speedMps: point.speed_mps ?? 0,
  };
}

function lastPoint(bus: Bus): TrackPoint[] {
  if (bus.lon === null || bus.lat === null || bus.position_at === null) {
    return [];
  }
  return [trackPoint({ at: bus.position_at, lon: bus.lon, lat: bus.lat, heading_deg: bus.heading_deg, speed_mps: bus.speed_mps })];
}

function pulseOf(event: ObservationEvent): Pulse {
  return { lon: event.lon, lat: event.lat, classCode: event.class_code, startMs: performance.now() };
}

function pulseFeature(pulse: Pulse, nowMs: number): GeoJSON.Feature {
  const share = Math.max(0, (nowMs - pulse.startMs) / PULSE_MS);
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: [pulse.lon, pulse.lat] },
    properties: { class_code: pulse.classCode, radius: 6 + PULSE_RADIUS_PX * Math.sqrt(share), opacity: 1 - share },
  };
}

