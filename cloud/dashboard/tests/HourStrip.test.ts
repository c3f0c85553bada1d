import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import HourStrip from "../src/components/HourStrip.vue";
import { everyHour } from "../src/network/sums";

describe("the hours of some days", () => {
  let app: App | null = null;
  afterEach(() => {
    app?.unmount();
    vi.unstubAllEnvs();
  });

  it("hides no silence in the hour that comes twice when summer time ends", () => {
    vi.stubEnv("TZ", "Europe/Berlin");
    const [from, to] = [Date.parse("2026-10-24T22:00:00Z"), Date.parse("2026-10-25T22:00:00Z")];
    const silent = "2026-10-25T00:00:00Z";
    const heard = everyHour([], from, to).map(({ atMs }) => ({ at: new Date(atMs).toISOString(), devices: atMs === Date.parse(silent) ? 0 : 3 }));
    app = createApp(HourStrip, { hours: everyHour(heard, from, to) });
    const page = app.mount(document.body.appendChild(document.createElement("div"))).$el as HTMLElement;
    const cells = [...page.querySelectorAll<HTMLElement>(".cell")];
    expect(cells.map((cell) => cell.classList.contains("gap")).indexOf(true)).toBe(2);
    expect(cells[2]?.title.split("\n")).toHaveLength(2);
  });
});
