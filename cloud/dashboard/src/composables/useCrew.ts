/** A crew's jobs and the steps that wait to be sent: kept on the phone, sent when there is a network. */

import { onScopeDispose, shallowRef, watch, type Ref } from "vue";

import { api, drawKey, OfflineError } from "../api/client";
import type { CaseDetail, Job } from "../api/types";
import { bodyOf, onTopOf, viewOf, type CrewOrder, type PhotoOrder, type Step } from "../crew/steps";
import { readKept, writeKept } from "../crew/store";
import { sendWaiting } from "../crew/sync";
import type { Position } from "./usePosition";

const EVERY_MS = 15_000;

export function useCrew(crew: Ref<string | null>, position: Ref<Position | null>) {
  const jobs = shallowRef<Job[]>([]);
  const steps = shallowRef<Step[]>([]);
  const heardAt = shallowRef<string | null>(null);
  const isOnline = shallowRef(navigator.onLine);
  const isLoaded = shallowRef(false);
  const error = shallowRef<Error | null>(null);
  const hasStore = shallowRef(true);
  /** How many steps lie in the phone's store: only those survive if the browser ends now. */
  const waiting = shallowRef(0);
  /** Whose jobs and steps these are: another crew on the same phone never sends them. */
  let owner: string | null = null;
  let sending: Promise<void> | null = null;
  let keeping: Promise<void> = Promise.resolve();

  watch(crew, (name) => name !== null && void begin(name), { immediate: true });
  const timer = setInterval(() => void synchronise(), EVERY_MS);
  const onNetwork = (): void => {
    isOnline.value = navigator.onLine;
    void synchronise();
  };
  addEventListener("online", onNetwork);
  addEventListener("offline", onNetwork);
  onScopeDispose(() => {
    clearInterval(timer);
    removeEventListener("online", onNetwork);
    removeEventListener("offline", onNetwork);
  });

  async function begin(name: string): Promise<void> {
    if (owner !== name) {
      owner = name;
      jobs.value = [];
      steps.value = [];
      waiting.value = 0;
      heardAt.value = null;
      isLoaded.value = false;
    }
    try {
      const kept = await readKept(name);
      jobs.value = kept.jobs;
      steps.value = kept.steps;
      waiting.value = kept.steps.length;
      heardAt.value = kept.heardAt;
      isLoaded.value = kept.heardAt !== null;
    } catch {
      hasStore.value = false;
    }
    await synchronise();
  }

  /** One after the other, each what there is when its turn comes: an older one never ends last. */
  function keep(): Promise<void> {
    keeping = keeping.then(async () => {
      if (crew.value !== null) {
        const kept = { jobs: jobs.value, steps: steps.value, heardAt: heardAt.value };
        hasStore.value = await writeKept(crew.value, kept).then(() => true, () => false);
        waiting.value = kept.steps.length;
      }
    });
    return keeping;
  }

  /** First what waits, then the jobs as they are after it; one at a time. */
  function synchronise(): Promise<void> {
    sending ??= sendThenHear().finally(() => (sending = null));
    return sending;
  }

  async function sendThenHear(): Promise<void> {
    if (crew.value === null) {
      return;
    }
    const wasThere = await sendWaiting({ read: () => steps.value, write: take }, send, drawKey);
    if (!wasThere) {
      isOnline.value = false;
      return;
    }
    await hear();
  }

  async function hear(): Promise<void> {
    try {
      const answer = await api.jobs(position.value);
      jobs.value = withFinished(answer.items);
      heardAt.value = new Date().toISOString();
      isOnline.value = true;
      isLoaded.value = true;
      error.value = null;
      await keep();
    } catch (problem) {
      isOnline.value = !(problem instanceof OfflineError);
      error.value = problem as Error;
    }
  }

  /** A job that left the list stays as long as steps for it are in trouble. */
  function withFinished(items: Job[]): Job[] {
    const known = new Set(items.map((job) => job.case.id));
    const troubled = new Set(steps.value.map(({ caseId }) => caseId));
    return [...items, ...jobs.value.filter((job) => troubled.has(job.case.id) && !known.has(job.case.id))];
  }

  function send(step: Step): Promise<CaseDetail> {
    return step.order.what === "action"
      ? api.act(step.caseId, bodyOf(step, step.order.order), step.key)
      : api.addPhoto(step.caseId, step.order.photo, step.key);
  }

  async function take(left: Step[], present: CaseDetail | null): Promise<void> {
    steps.value = left;
    if (present !== null) {
      jobs.value = jobs.value.map((job) => (job.case.id === present.id ? { ...job, case: present } : job));
    }
    await keep();
  }

  async function add(item: CaseDetail, order: Step["order"]): Promise<void> {
    const { version, state } = viewOf(item, steps.value);
    const step: Step = {
      key: drawKey(), caseId: item.id, number: item.number, at: new Date().toISOString(), version, fromState: state, order, trouble: null,
    };
    steps.value = [...steps.value, step];
    await keep();
    await synchronise();
  }

  async function drop(caseId: string): Promise<void> {
    steps.value = steps.value.filter((step) => step.caseId !== caseId);
    await keep();
    await synchronise();
  }

  async function insist(caseId: string): Promise<void> {
    const trouble = steps.value.find((step) => step.caseId === caseId && step.trouble !== null)?.trouble;
    const version = trouble?.kind === "conflict" ? trouble.present.version : (jobs.value.find((job) => job.case.id === caseId)?.case.version ?? 1);
    steps.value = onTopOf(steps.value, caseId, version, drawKey);
    await keep();
    await synchronise();
  }

  return {
    jobs,
    steps,
    heardAt,
    isOnline,
    isLoaded,
    error,
    hasStore,
    waiting,
    synchronise,
    order: (item: CaseDetail, order: CrewOrder) => add(item, { what: "action", order }),
    addPhoto: (item: CaseDetail, photo: PhotoOrder) => add(item, { what: "photo", photo }),
    drop,
    insist,
  };
}
