import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";

import TriagePage from "../src/pages/TriagePage.vue";
import { makeCase, makeRouter } from "./made";

const CASE = { ...makeCase(), actions: ["file", "reject"], history: [], photos: [], repair: null };

describe("the page of judging", () => {
  let app: App | null = null;
  beforeEach(() => {
    vi.stubGlobal("fetch", (url: string) => {
      const path = url.replace("/api/v1", "").replace(/\?.*/, "");
      const answers: Record<string, object> = { "/cases": { items: [CASE, { ...CASE, id: "next" }], next: null }, "/cases/case": CASE, "/cases/next": { ...CASE, id: "next" } };
      return Promise.resolve(Response.json(answers[path] ?? {}, { status: path in answers ? 200 : 404 }));
    });
  });
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  it("moves among the reasons by the arrow keys, as among any choices, and not to another case", async () => {
    app = createApp(TriagePage);
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
    const reasons = await vi.waitUntil(() => document.querySelector("[role=radiogroup].reasons"));
    const radios = [...reasons.querySelectorAll<HTMLElement>("[role=radio]")];
    const press = (key: string) => document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const chosen = () => radios.map((radio) => radio.getAttribute("aria-checked") === "true").indexOf(true);
    radios[0]?.focus();
    press("ArrowDown");
    await vi.waitUntil(() => chosen() === 1);
    expect(document.activeElement).toBe(radios[1]);
    press("ArrowLeft");
    press("ArrowUp");
    await vi.waitUntil(() => chosen() === 4);
    expect(document.querySelector("[aria-current=true]")?.closest("li")?.previousElementSibling).toBeNull();
  });
});
