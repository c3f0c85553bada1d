import { describe, expect, it, vi } from "vitest";

import { createFormat } from "../src/format/format";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";

const chinese = createFormat("zh-CN", zh);
const english = createFormat("en-GB", en);
const now = new Date("2026-11-24T12:00:00Z");

describe("format", () => {
  it("shows a day of the calendar as that day in every time zone", () => {
    vi.stubEnv("TZ", "America/Lima");
    expect(createFormat("en-GB", en).calendarDay("2027-01-31")).toBe("31/01/2027");
    vi.unstubAllEnvs();
  });

  it.each([
    [0, "0%"],
    [0.0004, "0.1%"],
    [0.5, "50%"],
    [0.9949, "99%"],
    [0.995, "99.5%"],
    [0.9951, "99.5%"],
    [0.99999, "99.9%"],
    [1, "100%"],
  ])("shows %d as %s: certain only when it is", (share, text) => {
    expect(english.percent(share)).toBe(text);
  });

  it.each([null, undefined, NaN])("shows %s as not known", (value) => {
    expect(english.metres(value)).toBe("—");
  });

  it("shows what is not a time as not known", () => {
    expect(chinese.dateTime("yesterday")).toBe("—");
  });

  it.each([
    ["2026-11-24T11:59:59Z", "刚刚"],
    ["2026-11-24T12:00:09Z", "刚刚"],
    ["2026-11-24T11:59:20Z", "40秒前"],
    ["2026-11-24T09:00:00Z", "3小时前"],
  ])("says how long ago %s was", (at, text) => {
    expect(chinese.ago(at, now)).toBe(text);
  });

  it.each([
    [english.distance(999.6), "1.0 km"],
    [english.distance(999.4), "999 m"],
    [english.bytes(999_600_000), "1.0 GB"],
    [english.celsius(-0.4), "0 °C"],
    [english.degrees(-0.001), "0.00°"],
    [chinese.decimal(-0.04), "0.0"],
    [chinese.celsius(-10), "-10 °C"],
  ])("rounds before it chooses the unit and the sign: %s", (shown, text) => {
    expect(shown).toBe(text);
  });

  it("shows latitude first, as people say it", () => {
    expect(english.position(120.4258, 27.5184)).toBe("27.518400, 120.425800");
  });
});
