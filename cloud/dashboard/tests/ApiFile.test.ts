import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, h, type App } from "vue";

import { useToken } from "../src/api/identity";
import ApiFile from "../src/components/ApiFile.vue";

describe("a file of the API", () => {
  const { setToken } = useToken();
  const asked: [string, string | null][] = [];
  /** What a browser loads by itself: its address, and its name if it is kept as a file. */
  const loaded: [string, string][] = [];
  const take = (event: Event): void => {
    const { href, download } = event.target as HTMLAnchorElement;
    loaded.push([href.replace(location.origin, ""), download]);
  };
  let app: App | null = null;

  function press(status = 200): void {
    vi.stubGlobal("fetch", (url: string, { headers }: RequestInit) => {
      asked.push([url, new Headers(headers).get("Authorization")]);
      return Promise.resolve(new Response("id,pci", { status }));
    });
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      loaded.push([this.href, this.download]);
    });
    app = createApp({ render: () => h(ApiFile, { href: "/api/v1/condition/export.csv", name: "roads.csv", label: "export" }, () => "CSV") });
    app.mount(document.body.appendChild(document.createElement("div")));
    const link = document.querySelector("a");
    const event = new MouseEvent("click", { bubbles: true, cancelable: true });
    link?.dispatchEvent(event);
    if (!event.defaultPrevented) {
      take(event);
    }
  }
  afterEach(() => {
    app?.unmount();
    setToken(null);
    asked.length = loaded.length = 0;
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  it("is loaded by the browser for who has a session, or looks as a visitor", () => {
    press();
    expect([loaded, asked]).toEqual([[["/api/v1/condition/export.csv", "roads.csv"]], []]);
  });

  it("is asked for in the name of who came by a token, and handed over under its name", async () => {
    setToken("bst_1");
    press();
    await vi.waitUntil(() => loaded.length > 0);
    expect(asked).toEqual([["/api/v1/condition/export.csv", "Bearer bst_1"]]);
    expect(loaded).toEqual([[expect.stringMatching(/^blob:/), "roads.csv"]]);
  });

  it("says why there is none", async () => {
    setToken("bst_1");
    press(403);
    await vi.waitUntil(() => document.querySelector("[role=alert]"));
    expect(loaded).toEqual([]);
  });
});
