import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, h, ref, type App } from "vue";

import { useToken } from "../src/api/identity";
import ApiImage from "../src/components/ApiImage.vue";

describe("a picture of the API", () => {
  const { setToken } = useToken();
  const asked: [string, string | null][] = [];
  const src = ref("");
  let app: App | null = null;

  function open(status = 200): void {
    vi.stubGlobal("fetch", (url: string, { headers }: RequestInit) => {
      asked.push([url, new Headers(headers).get("Authorization")]);
      return Promise.resolve(new Response(url, { status }));
    });
    src.value = "/api/v1/pictures/a";
    app = createApp({ render: () => h(ApiImage, { src: src.value, alt: "a crack" }) });
    app.mount(document.body.appendChild(document.createElement("div")));
  }
  afterEach(() => {
    app?.unmount();
    setToken(null);
    asked.length = 0;
    vi.unstubAllGlobals();
  });

  const shown = (): string | null => document.querySelector("img")?.getAttribute("src") ?? null;

  it("is fetched by the browser for who has a session, or looks as a visitor", () => {
    open();
    expect([shown(), asked]).toEqual(["/api/v1/pictures/a", []]);
  });

  it("is asked for in the name of who came by a token, and given back when it is another", async () => {
    const given = vi.spyOn(URL, "revokeObjectURL");
    setToken("bst_1");
    open();
    const first = await vi.waitUntil(shown);
    expect(first).toMatch(/^blob:/);
    src.value = "/api/v1/pictures/b";
    await vi.waitUntil(() => shown() !== null && shown() !== first);
    expect(asked).toEqual([["/api/v1/pictures/a", "Bearer bst_1"], ["/api/v1/pictures/b", "Bearer bst_1"]]);
    expect(given.mock.calls).toEqual([[first]]);
    app?.unmount();
    app = null;
    expect(given).toHaveBeenCalledTimes(2);
  });

  it("fails as any picture does", async () => {
    setToken("bst_1");
    open(404);
    expect(await vi.waitUntil(shown)).toBe("/api/v1/pictures/a"); // the browser finds the same out, and says so
  });
});
