import { describe, expect, it } from "vitest";

import { ApiError, OfflineError } from "../src/api/client";
import type { CaseDetail } from "../src/api/types";
import { bodyOf, viewOf, type CrewOrder, type Step } from "../src/crew/steps";
import { sendWaiting } from "../src/crew/sync";
import { makeCase } from "./made";

function makeDetail(changes: Partial<CaseDetail> = {}): CaseDetail {
  return { ...makeCase({ state: "dispatched" }), actions: ["accept"], history: [], photos: [], repair: null, ...changes };
}

function step(order: CrewOrder, changes: Partial<Step> = {}): Step {
  return {
    key: `${order.action}-${changes.caseId ?? "case"}`, caseId: "case", number: "demo-1", at: "2026-11-24T12:00:00Z", version: 1, fromState: "dispatched",
    order: { what: "action", order }, trouble: null, ...changes,
  };
}

const photo: Step = { ...step({ action: "accept" }), key: "photo", order: { what: "photo", photo: { kind: "after", content: new Blob(), lon: null, lat: null } } };

/** A queue with a server that answers as told. */
function queueOf(steps: Step[], answer: (step: Step) => CaseDetail | Error) {
  const state = { steps, sent: [] as string[] };
  let keys = 0;
  const send = (sent: Step): Promise<CaseDetail> => {
    state.sent.push(sent.key);
    const result = answer(sent);
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  const run = () => sendWaiting({
    read: () => state.steps,
    change: (how) => {
      state.steps = how(state.steps);
      return Promise.resolve();
    },
  }, send, () => `new-${keys++}`);
  return { state, run };
}

function conflict(present: CaseDetail): ApiError {
  return new ApiError(409, "Conflict", "stale", { case: present });
}

describe("a job with waiting steps", () => {
  it("is shown as it will be: state, version, arrival and photos", () => {
    const arrive = step({ action: "arrive", lon: 1, lat: 2, accuracy_m: 5 });
    expect(viewOf(makeDetail(), [step({ action: "accept" }), arrive, photo])).toEqual({
      state: "accepted", version: 3, hasArrived: true, hasAskedSuspension: false, photos: { before: 0, after: 1 },
    });
  });

  it("is not touched by the steps of another", () => {
    expect(viewOf(makeDetail(), [step({ action: "accept" }, { caseId: "other" })])).toMatchObject({ state: "dispatched", version: 1 });
  });

  it("is sent with the time it was done and the version that was seen", () => {
    expect(bodyOf(step({ action: "accept" }), { action: "accept" })).toEqual({ action: "accept", version: 1, at: "2026-11-24T12:00:00Z" });
  });
});

describe("sending", () => {
  it("goes in order and leaves nothing", async () => {
    const { state, run } = queueOf([step({ action: "accept" }), photo], () => makeDetail());
    expect(await run()).toBe(true);
    expect(state).toEqual({ steps: [], sent: ["accept-case", "photo"] });
  });

  it("keeps everything without network", async () => {
    const steps = [step({ action: "accept" })];
    const { state, run } = queueOf(steps, () => new OfflineError("no"));
    expect(await run()).toBe(false);
    expect(state.steps).toEqual(steps);
  });

  it("goes on top of a version that only the clock made, without asking", async () => {
    const done = step({ action: "done", materials: [], length_m: null, width_m: null, reason: null }, { version: 2, fromState: "accepted" });
    const { state, run } = queueOf([step({ action: "accept" }), done], ({ version }) => (version === 1 ? conflict(makeDetail({ version: 4 })) : makeDetail()));
    expect(await run()).toBe(true);
    expect(state).toEqual({ steps: [], sent: ["accept-case", "new-0", "new-1"] });
  });

  it("stops a case that somebody else took elsewhere, and sends the others", async () => {
    const present = makeDetail({ state: "returned", actions: [], version: 2 });
    const other = step({ action: "accept" }, { caseId: "other" });
    const { state, run } = queueOf([step({ action: "accept" }), photo, other], ({ caseId }) => (caseId === "case" ? conflict(present) : makeDetail()));
    expect(await run()).toBe(true);
    expect(state.sent).toEqual(["accept-case", "accept-other"]);
    expect(state.steps.map(({ key, trouble }) => [key, trouble?.kind])).toEqual([["accept-case", "conflict"], ["photo", undefined]]);
  });

  it.each([401, 408, 429, 503])("keeps a step that the server cannot take now (%i), without calling it wrong", async (status) => {
    const { state, run } = queueOf([photo], () => new ApiError(status, "not now", null));
    expect(await run()).toBe(true);
    expect(state.steps).toEqual([photo]);
  });

  it("says why a step was refused, and does not try it again by itself", async () => {
    const { state, run } = queueOf([photo], () => new ApiError(422, "Unprocessable", "no photo"));
    await run();
    await run();
    expect(state.sent).toEqual(["photo"]);
    expect(state.steps[0]?.trouble).toEqual({ kind: "refused", why: "no photo" });
  });
});
