import { afterEach, describe, expect, it, vi } from "vitest";

import { momentOf, readMoment, SPAN_NAMES, spanReaching, stepOf, ticksOf, windowOf } from "../src/map/time";

const NOW_MS = Date.parse("2026-11-29T08:02:31Z");

describe("the time slider", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("ends now, and its last step is now", () => {
    const window = windowOf("day", null, NOW_MS);
    expect(window.endsNow).toBe(true);
    expect(momentOf(window.steps, window)).toBeNull();
    expect(stepOf(null, window)).toBe(window.steps);
  });

  it.each(SPAN_NAMES)("finds each step of a %s again by its time", (span) => {
    const window = windowOf(span, null, NOW_MS);
    const steps = [0, 1, Math.floor(window.steps / 2), window.steps - 1];
    expect(steps.map((step) => stepOf(momentOf(step, window), window))).toEqual(steps);
  });

  it("stays where it is while the clock goes on within a step", () => {
    expect(windowOf("day", null, NOW_MS)).toEqual(windowOf("day", null, NOW_MS + 60_000));
  });

  it("puts a time before its reach into its middle, without an end that is now", () => {
    const at = "2026-03-01T00:00:00Z";
    const window = windowOf("week", at, NOW_MS);
    expect(window.endsNow).toBe(false);
    expect(stepOf(at, window)).toBe(window.steps / 2);
    expect(momentOf(window.steps, window)).toBe("2026-03-04T12:00:00Z");
  });

  it.each([
    [null, "day"],
    ["2026-11-29T07:30:00Z", "hour"],
    ["2026-11-28T20:00:00Z", "day"],
    ["2026-11-25T00:00:00Z", "week"],
    ["2025-01-01T00:00:00Z", "month"],
  ])("reaches %s with a %s", (at, span) => {
    expect(spanReaching(at, NOW_MS)).toBe(span);
  });

  it.each([["hour", 10], ["day", 240]] as const)("has ticks of a %s at round times", (span, apartMin) => {
    const ticks = ticksOf(span, windowOf(span, null, NOW_MS));
    const minutes = ticks.map(({ atMs }) => atMs / 60_000 - new Date(atMs).getTimezoneOffset());
    expect(minutes.map((minute) => minute % apartMin)).toEqual(minutes.map(() => 0));
    expect(ticks.length).toBeGreaterThanOrEqual(5);
    expect(ticks.every(({ share }) => share > 0 && share < 1)).toBe(true);
  });

  it.each(["2026-03-31T10:00:00Z", "2026-10-27T10:00:00Z"])("has the ticks of a week before %s at midnight, also over the change of summer time", (now) => {
    vi.stubEnv("TZ", "Europe/Berlin");
    const hours = ticksOf("week", windowOf("week", null, Date.parse(now))).map(({ atMs }) => new Date(atMs).getHours());
    expect(hours).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it.each([[null], ["yesterday"], ["2099-01-01T00:00:00Z"]])("takes %s for now", (text) => {
    expect(readMoment(text, NOW_MS)).toBeNull();
  });
});
