import { afterEach, describe, expect, it, vi } from "vitest";
import { effectScope } from "vue";

import { useWallMode } from "../src/composables/useWallMode";

describe("a screen on a wall", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("may sleep again once the page was left, also when it was allowed to stay awake only then", async () => {
    let isReleased = false;
    let allow: (lock: object) => void = () => undefined;
    vi.stubGlobal("navigator", { wakeLock: { request: () => new Promise((resolve) => (allow = resolve)) } });
    const scope = effectScope();
    scope.run(useWallMode);
    scope.stop();
    allow({ release: () => Promise.resolve(void (isReleased = true)) });
    await new Promise((resolve) => setTimeout(resolve));
    expect(isReleased).toBe(true);
  });
});
