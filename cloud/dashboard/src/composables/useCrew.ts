/** A crew's jobs and the steps that wait to be sent: kept on the phone, sent when there is a network. */

import { computed, onScopeDispose, shallowRef, watch, type Ref } from "vue";

import { api, drawKey, OfflineError } from "../api/client";
import type { CaseDetail, Job } from "../api/types";
import { shrinkPhoto } from "../crew/photo";
import { bodyOf, isWaiting, onTopOf, viewOf, type CrewOrder, type PhotoOrder, type Step } from "../crew/steps";
import { changeKept, NOTHING, openWord, readKept, type Kept } from "../crew/store";
import { sendWaiting } from "../crew/sync";
import type { Position } from "./usePosition";

const EVERY_MS = 15_000;

export function useCrew(crew: Ref<string | null>, position: Ref<Position | null>) {
  const kept = shallowRef(NOTHING);
  const jobs = computed(() => kept.value.jobs);
  const steps = computed(() => kept.value.steps);
  const heardAt = computed(() => kept.value.heardAt);
  const isLoaded = computed(() => heardAt.value !== null);
  const isOnline = shallowRef(navigator.onLine);
  const error = shallowRef<Error | null>(null);
  /** Without it only this page has the steps, and they end with it. */
  const hasStore = shallowRef(true);
  /** Whose jobs and steps these are: another crew on the same phone never sends them. */
  let owner: string | null = null;
  /** What this page ever had: what the store has besides was kept by another page. */
  let known = new Set<string>();
  let isUnkept = false;
  let sending: Promise<void> | null = null;
  let turns: Promise<void> = Promise.resolve();
  /** A photo could not be read, and is not among the steps. */
  const hasLostPhoto = shallowRef(false);
  let adding: Promise<void> = Promise.resolve();

  const word = openWord((name) => name === owner && void look(name));
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
    word.close();
  });

  async function begin(name: string): Promise<void> {
    if (owner !== name) {
      owner = name;
      known = new Set();
      isUnkept = false;
      kept.value = NOTHING;
    }
    await look(name);
    await synchronise();
  }

  /** One after the other: what an older one found is never shown last. */
  function inTurn(task: () => Promise<void>): Promise<void> {
    turns = turns.then(task);
    return turns;
  }

  function look(name: string): Promise<void> {
    return inTurn(async () => {
      const stored = await readKept(name).catch(() => null);
      if (stored === null) {
        hasStore.value = false;
      } else if (name === owner && !isUnkept) {
        show(stored);
      }
    });
  }

  /** What a store refuses stays on this page, and is kept with the next change. */
  function change(name: string, how: (now: Kept) => Kept): Promise<void> {
    return inTurn(async () => {
      const stored = await changeKept(name, (found) => how(name === owner && isUnkept ? withMine(found) : found)).catch(() => null);
      hasStore.value = stored !== null;
      if (stored !== null) {
        word.say(name);
      }
      if (name === owner) {
        isUnkept = stored === null;
        show(stored ?? how(kept.value));
      }
    });
  }

  function withMine(stored: Kept): Kept {
    return { ...kept.value, steps: [...stored.steps.filter(({ key }) => !known.has(key)), ...kept.value.steps] };
  }

  function show(now: Kept): void {
    kept.value = now;
    now.steps.forEach(({ key }) => known.add(key));
  }

  /** First what waits, then the jobs as they are after it; one at a time. */
  function synchronise(): Promise<void> {
    sending ??= sendThenHear().finally(() => (sending = null));
    return sending;
  }

  async function sendThenHear(): Promise<void> {
    const name = crew.value;
    if (name === null) {
      return;
    }
    const wasThere = await sendWaiting({
      read: () => (crew.value === name ? steps.value : []),
      change: (how, present) => change(name, (now) => ({ ...now, jobs: withPresent(now.jobs, present), steps: how(now.steps) })),
    }, (step) => send(name, step), drawKey);
    if (!wasThere) {
      isOnline.value = false;
      return;
    }
    await hear(name);
  }

  async function hear(name: string): Promise<void> {
    try {
      const { items } = await api.jobs(name, position.value);
      const at = new Date().toISOString();
      isOnline.value = true;
      error.value = null;
      await change(name, (now) => ({ ...now, jobs: withFinished(items, now), heardAt: at }));
    } catch (problem) {
      isOnline.value = !(problem instanceof OfflineError);
      error.value = problem as Error;
    }
  }

  /** A job that left the list stays as long as steps for it are in trouble. */
  function withFinished(items: Job[], now: Kept): Job[] {
    const listed = new Set(items.map((job) => job.case.id));
    const troubled = new Set(now.steps.map(({ caseId }) => caseId));
    return [...items, ...now.jobs.filter((job) => troubled.has(job.case.id) && !listed.has(job.case.id))];
  }

  function withPresent(all: Job[], present: CaseDetail | null): Job[] {
    return all.map((job) => (job.case.id === present?.id ? { ...job, case: present } : job));
  }

  function send(name: string, step: Step): Promise<CaseDetail> {
    return step.order.what === "action"
      ? api.act(step.caseId, bodyOf(step, step.order.order), step.key, name)
      : api.addPhoto(step.caseId, step.order.photo, step.key, name);
  }

  async function changeSteps(how: (steps: readonly Step[]) => Step[]): Promise<void> {
    if (owner !== null) {
      await change(owner, (now) => ({ ...now, steps: how(now.steps) }));
      await synchronise();
    }
  }

  /** One after the other: a photo that is still being made small comes before what is done after it. */
  async function add(item: CaseDetail, make: () => Promise<Step["order"]>): Promise<void> {
    const [key, at, name] = [drawKey(), new Date().toISOString(), owner];
    if (name === null) {
      return;
    }
    adding = adding.then(make).then((order) => change(name, (now) => ({ ...now, steps: withStep(now.steps, order) })), () => {
      hasLostPhoto.value = true;
    });
    await adding;
    await synchronise();

    function withStep(now: Step[], order: Step["order"]): Step[] {
      const { version, state } = viewOf(item, now);
      return isWaiting(now, item.id, order) ? now : [...now, { key, caseId: item.id, number: item.number, at, version, fromState: state, order, trouble: null }];
    }
  }

  function addPhoto(item: CaseDetail, photo: PhotoOrder): Promise<void> {
    hasLostPhoto.value = false;
    return add(item, async () => ({ what: "photo", photo: { ...photo, content: await shrinkPhoto(photo.content) } }));
  }

  function drop(caseId: string): Promise<void> {
    return changeSteps((now) => now.filter((step) => step.caseId !== caseId));
  }

  async function insist(caseId: string): Promise<void> {
    const troubled = steps.value.find((step) => step.caseId === caseId && step.trouble !== null);
    if (troubled === undefined) {
      return;
    }
    const { trouble } = troubled;
    const version = trouble?.kind === "conflict" ? trouble.present.version : (jobs.value.find((job) => job.case.id === caseId)?.case.version ?? 1);
    await changeSteps((now) => onTopOf(now, troubled, version, drawKey));
  }

  return {
    jobs,
    steps,
    heardAt,
    isOnline,
    isLoaded,
    error,
    hasStore,
    hasLostPhoto,
    synchronise,
    order: (item: CaseDetail, order: CrewOrder) => add(item, () => Promise.resolve({ what: "action", order })),
    addPhoto,
    drop,
    insist,
  };
}
