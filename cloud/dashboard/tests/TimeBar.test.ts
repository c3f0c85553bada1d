import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import TimeBar from "../src/components/TimeBar.vue";

let app: App | null = null;
beforeEach(() => {
  vi.stubEnv("TZ", "UTC");
  vi.useFakeTimers({ now: Date.parse("2026-11-29T08:02:59Z") });
});
afterEach(() => {
  app?.unmount();
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

it("leaves a half-written time alone while the clock goes on", async () => {
  app = createApp(TimeBar, { isBusy: false, modelValue: null, span: "day" });
  const page = app.mount(document.body.appendChild(document.createElement("div"))).$el as HTMLElement;
  const field = page.querySelector<HTMLInputElement>("[type=datetime-local]");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(field?.value, "the clock is followed").toBe("2026-11-29T08:03");

  field?.focus();
  Object.assign(field ?? {}, { value: "" }); // as the browser tells what is no whole time yet
  await vi.advanceTimersByTimeAsync(61_000);
  expect(field?.value).toBe("");
  field?.blur();
  expect(field?.value, "what never became a time goes").toBe("2026-11-29T08:04");
});
