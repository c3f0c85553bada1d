import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import Root from "../src/App.vue";
import { router } from "../src/router";

const PERSON = {
  id: "a", name: "Anna", kind: "child", consent_until: null, consents: [], tag_list: [], guardians: [], journeys: [], events: [], looks: [],
  history: [], area_lat: null, area_lon: null, area_radius_m: null, hours_from: null, hours_to: null, tags: 0, last_heard_at: null,
};

describe("the application", () => {
  let app: App | null = null;
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  const text = (): string => document.querySelector("#content")?.textContent ?? "";

  it("shows nothing of one address at another, while its answer is on the way", async () => {
    vi.stubGlobal("fetch", (url: string) => {
      const answers: Record<string, object> = { "/api/v1/travel/people/a": PERSON, "/api/v1/me": { name: "li", role: "care", way: "session", permissions: ["care"] } };
      const known = answers[url];
      return known === undefined ? new Promise(() => undefined) : Promise.resolve(Response.json(known));
    });
    await router.push("/travel/a");
    app = createApp(Root);
    app.use(router).mount(document.body.appendChild(document.createElement("div")));
    await vi.waitUntil(() => text().includes("Anna"));
    await router.push("/travel/b");
    expect(text()).not.toContain("Anna");
  });

  it("begins each page at its top", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => undefined));
    await router.push("/settings");
    app = createApp(Root);
    app.use(router).mount(document.body.appendChild(document.createElement("div")));
    const content = await vi.waitUntil(() => document.getElementById("content"));
    content.scrollTop = 300;
    await router.push("/settings?from=here");
    expect(content.scrollTop).toBe(300);
    await router.push("/statistics");
    await vi.waitUntil(() => content.scrollTop === 0);
  });
});
