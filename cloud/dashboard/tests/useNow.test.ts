import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { effectScope } from "vue";

import { useNow } from "../src/composables/useNow";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("is the present for who comes after nobody looked at it for an hour", () => {
  const before = effectScope();
  before.run(useNow);
  before.stop();
  vi.advanceTimersByTime(3_600_000);
  const scope = effectScope();
  expect(scope.run(() => useNow().value.getTime())).toBe(Date.now());
  scope.stop();
});
