/**
 * Each picture of a map costs a machine without a graphics card a good part of a second, in which the whole page stands still,
 * and one change of data asks for several: one for each tile that is cut anew.
 */

import type { Map as MapLibre } from "maplibre-gl";

import { restAfter, SHORTEST_REST_MS } from "./motion";

/** By then a slow picture has held up the page. */
const FRAMES_AFTER = 3;
const BY_HAND = ["pointerdown", "touchstart", "wheel", "keydown"];

type Drawn = Pick<MapLibre, "triggerRepaint" | "isMoving" | "getContainer"> & { on: (event: "render", then: () => void) => unknown };

/** Let the map rest after each picture, the longer the more that cost; who moves it sees every frame. */
export function drawSparingly(map: Drawn): void {
  const draw = map.triggerRepaint.bind(map);
  let isWatched = false;
  let isWanted = false;
  let restsUntilMs = 0;
  let waiting: ReturnType<typeof setTimeout> | undefined;

  map.triggerRepaint = () => {
    const restMs = restsUntilMs - performance.now();
    if (map.isMoving() || (!isWatched && restMs <= 0)) {
      draw();
    } else if (isWatched) {
      isWanted = true;
    } else {
      waiting ??= setTimeout(() => {
        waiting = undefined;
        draw();
      }, restMs);
    }
  };

  function watchFrames(beforeMs: number, longestFrameMs: number, left: number): void {
    requestAnimationFrame(() => {
      const nowMs = performance.now();
      const longest = Math.max(longestFrameMs, nowMs - beforeMs);
      if (left > 1) {
        watchFrames(nowMs, longest, left - 1);
      } else {
        isWatched = false;
        restsUntilMs = nowMs - SHORTEST_REST_MS + restAfter({ workedMs: 0, longestFrameMs: longest });
        if (isWanted) {
          isWanted = false;
          map.triggerRepaint();
        }
      }
    });
  }

  map.on("render", () => {
    if (!isWatched) {
      isWatched = true;
      watchFrames(performance.now(), 0, FRAMES_AFTER);
    }
  });
  const rouse = (): void => {
    isWatched = false;
    restsUntilMs = 0;
  };
  BY_HAND.forEach((event) => map.getContainer().addEventListener(event, rouse, { capture: true, passive: true }));
}
