import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp, nextTick, type App } from "vue";

import type { Job } from "../src/api/types";
import CrewJob from "../src/components/CrewJob.vue";
import type { Step } from "../src/crew/steps";
import { zh } from "../src/locales/zh";
import { makeCase, makeRouter } from "./made";

describe("a job on the phone", () => {
  let app: App | null = null;
  afterEach(() => app?.unmount());

  const onOrder = vi.fn();
  function open(): void {
    const item = { ...makeCase({ state: "accepted" }), actions: ["done"], history: [], photos: [], repair: null };
    const photo: Step = { key: "k", caseId: item.id, number: item.number, at: item.opened_at, version: 1, fromState: "accepted", order: { what: "photo", photo: { kind: "after", content: new Blob(), lon: null, lat: null } }, trouble: null };
    app = createApp(CrewJob, { job: { case: item, distance_m: 5 } as Job, steps: [photo], position: null, isRefused: false, onOrder });
    app.use(makeRouter()).mount(document.body.appendChild(document.createElement("div")));
  }

  const done = () => [...document.querySelectorAll<HTMLButtonElement>("button")].find(({ textContent }) => textContent === zh.crew.done);
  async function write(label: string, text: string): Promise<void> {
    const input = document.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`);
    if (input !== null) {
      input.value = text;
      input.dispatchEvent(new Event("input"));
    }
    await nextTick();
  }

  it("takes numbers as a Chinese keyboard writes them, and says what is none instead of leaving it out", async () => {
    open();
    await write(zh.crew.length, "３．５");
    await write(zh.crew.width, "2,5");
    await write(zh.crew.materialNames.cement, "40 kg");
    expect(done()?.disabled).toBe(true);
    expect(document.querySelector("[role=alert]")?.textContent).toBe(zh.crew.noNumber);
    await write(zh.crew.materialNames.cement, "40");
    done()?.click();
    expect(onOrder).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ length_m: 3.5, width_m: 2.5, materials: [expect.objectContaining({ amount: 40 })] }));
  });
});
