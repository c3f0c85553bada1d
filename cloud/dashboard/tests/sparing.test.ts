import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { drawSparingly } from "../src/map/sparing";

/** A map that draws as soon as it is asked to. */
function fakeMap() {
  const drawn: number[] = [];
  const container = document.createElement("div");
  let onRender = (): void => undefined;
  const map = {
    moves: false,
    isMoving: () => map.moves,
    getContainer: () => container,
    on: (_: "render", then: () => void) => (onRender = then),
    triggerRepaint: () => {
      drawn.push(performance.now());
      onRender();
    },
  };
  drawSparingly(map);
  return { map, drawn, container };
}

/** Frames of the page follow each other so fast. */
function frameEvery(ms: number): void {
  vi.stubGlobal("requestAnimationFrame", (then: () => void) => setTimeout(then, ms));
}

/** Ask for a picture every 10 ms. */
function askFor(ms: number, map: { triggerRepaint: () => void }): void {
  for (let passed = 0; passed < ms; passed += 10) {
    map.triggerRepaint();
    vi.advanceTimersByTime(10);
  }
}

describe("a map that draws sparingly", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    frameEvery(16);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it.each([["often where a picture costs nothing", 16, 18, 21], ["seldom where frames fall out after each", 200, 1, 2]])("draws %s", (_, frameMs, fewest, most) => {
    frameEvery(frameMs);
    const { map, drawn } = fakeMap();
    askFor(1000, map);
    expect(drawn.length).toBeGreaterThanOrEqual(fewest);
    expect(drawn.length).toBeLessThanOrEqual(most);
  });

  it("draws once afterwards what was asked for while it rested", () => {
    const { map, drawn } = fakeMap();
    map.triggerRepaint();
    map.triggerRepaint();
    map.triggerRepaint();
    expect(drawn).toHaveLength(1);
    vi.advanceTimersByTime(500);
    expect(drawn).toHaveLength(2);
  });

  it("shows every frame to who moves it", () => {
    const { map, drawn } = fakeMap();
    map.moves = true;
    askFor(100, map);
    expect(drawn).toHaveLength(10);
  });

  it("rests no longer when a hand is put on it", () => {
    const { map, drawn, container } = fakeMap();
    map.triggerRepaint();
    container.dispatchEvent(new Event("wheel"));
    map.triggerRepaint();
    expect(drawn).toHaveLength(2);
  });
});
