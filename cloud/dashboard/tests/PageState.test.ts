import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import { ApiError } from "../src/api/client";
import PageState from "../src/components/PageState.vue";
import { askMe, useMe } from "../src/composables/useMe";
import { makeRouter } from "./made";

describe("a page that is refused", () => {
  let app: App | null = null;
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  function open(status: number): void {
    app = createApp(PageState, { error: new ApiError(status, "refused", null) });
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
  }

  it("leads to the way in when the session has ended meanwhile", async () => {
    let isIn = true;
    vi.stubGlobal("fetch", () => Promise.resolve(isIn ? Response.json({ name: "li", permissions: [], way: "session" }) : Response.json({}, { status: 401 })));
    await askMe();
    isIn = false;
    open(401);
    await vi.waitUntil(() => document.querySelector("a[href^='/login']"));
    expect(useMe().mustSignIn.value).toBe(true);
  });

  it("asks once who sits here, and no more", async () => {
    let asked = 0;
    vi.stubGlobal("fetch", () => {
      asked += 1;
      return Promise.resolve(Response.json({ name: "li", permissions: [], way: "session" }));
    });
    await askMe();
    open(403);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBe(2);
    expect(document.querySelector("a[href^='/login']")).toBeNull();
  });
});
