import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, nextTick, type App } from "vue";

import type { CaseDetail } from "../src/api/types";
import CaseActionBar from "../src/components/CaseActionBar.vue";
import { makeCase, makeRouter } from "./made";

const CASE: CaseDetail = { ...makeCase(), actions: ["reject"], history: [], photos: [], repair: null };

describe("what is done with a case", () => {
  let app: App | null = null;
  afterEach(() => {
    app?.unmount();
    vi.unstubAllGlobals();
  });

  /** The dialog of the action, with a reason written in it. */
  async function askWith(reason: string): Promise<HTMLTextAreaElement> {
    app = createApp(CaseActionBar, { item: CASE, near: [] });
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
    document.querySelector<HTMLElement>("[data-action=reject]")?.click();
    const field = await vi.waitUntil(() => document.querySelector("textarea"));
    field.value = reason;
    field.dispatchEvent(new Event("input"));
    await vi.waitUntil(() => document.querySelector("form .primary:not([disabled])"));
    return field;
  }

  it("keeps the written reason when it could not be done", async () => {
    vi.stubGlobal("fetch", (_: string, { method }: RequestInit) => (
      method === "POST" ? Promise.reject(new TypeError("no network")) : Promise.resolve(Response.json({ units: [], crews: [] }))));
    const field = await askWith("a shadow, seen from both sides");
    field.closest("form")?.requestSubmit();
    await vi.waitUntil(() => document.querySelector(".el-message"));
    await nextTick();
    expect(document.querySelector("textarea")?.value).toBe("a shadow, seen from both sides");
  });
});
