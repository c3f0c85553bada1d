import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import WallPage from "../src/pages/WallPage.vue";
import { makeCase, makeRouter } from "./made";

describe("the wall", () => {
  let app: App | null = null;
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  it("does not say of more overdue cases than it counts that these are all", async () => {
    const items = Array.from({ length: 1000 }, (_, number) => makeCase({ id: String(number) }));
    vi.stubGlobal("fetch", (url: string) => (url.includes("overdue=true") ? Promise.resolve(Response.json({ items, next: "more" })) : new Promise(() => undefined)));
    app = createApp(WallPage);
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
    const tile = (): string => document.querySelector("[data-tile=overdue] dd")?.textContent ?? "";
    await vi.waitUntil(() => tile().startsWith("1"), { timeout: 5_000 });
    expect(tile()).toBe("1,000+");
  });
});
