/**
 * What is known now, kept fresh by the event stream: the newest cases, buses, the feed and the counts. One copy for all pages;
 * `startLive` is called once by the application.
 *
 * The stream is opened first and the present state is read after it, so nothing falls between the two. Events are taken
 * together once per frame, so that a burst costs one redraw.
 */

import { computed, ref, shallowRef, triggerRef, watch } from "vue";

import { api } from "../api/client";
import { endWith } from "../api/endWith";
import type { ServerEvent } from "../api/eventParser";
import { followEvents, type ConnectionState } from "../api/eventStream";
import type { Bus, BusEvent, CaseItem, Catalogue, Finding, FindingState, ObservationEvent, Summary } from "../api/types";
import { questionOf } from "../composables/question";
import { useMe } from "../composables/useMe";
import { caseEntry, findingEntry, observationEntry, prepend, recentEntries, type FeedEntry } from "./feed";

const SUMMARY_EVERY_MS = 3_000;
const PAGE_SIZE = 500;
/** A page that runs for days neither grows nor drifts: it reads the present state anew when it holds more, or after so long. */
const MOST_STATES = 10_000;
const MOST_CASES = 5_000;
const RESYNC_MS = 3_600_000;
const CHECK_MS = 60_000;

/** Of the newest findings and of those that events told of: what makes a change news. */
const states = new Map<string, FindingState>();
const cases = shallowRef(new Map<string, CaseItem>());
const buses = shallowRef(new Map<string, Bus>());
const catalogue = shallowRef<Catalogue | null>(null);
const summary = shallowRef<Summary | null>(null);
const feed = shallowRef<FeedEntry[]>([]);
const connection = ref<ConnectionState>("connecting");
const isLoaded = ref(false);
/** Whether the list of buses was ever read: events alone tell of some. */
const hasBuses = ref(false);
const busesError = shallowRef<Error | null>(null);
const feedError = shallowRef<Error | null>(null);

/** The cases that events told of while the present state was being read. */
const touched = new Set<string>();

const busListeners = new Set<(event: BusEvent) => void>();
const observationListeners = new Set<(event: ObservationEvent) => void>();
const findingListeners = new Set<(finding: Finding) => void>();
const travelListeners = new Set<(event: { search: string }) => void>();

export function useLive() {
  return {
    cases,
    buses,
    catalogue,
    summary,
    feed: computed(() => feed.value.filter(isNews)),
    connection,
    isLoaded,
    hasBuses,
    busesError,
    feedError,
    classes: computed(() => catalogue.value?.classes ?? []),
    onBus: (listener: (event: BusEvent) => void) => subscribe(busListeners, listener),
    onObservation: (listener: (event: ObservationEvent) => void) => subscribe(observationListeners, listener),
    /** There is something new in a search; what, is asked for by those who may look. */
    onTravel: (listener: (event: { search: string }) => void) => subscribe(travelListeners, listener),
    onFinding: (listener: (finding: Finding) => void) => subscribe(findingListeners, listener),
    refreshBuses: busList.askAgain,
    refreshCatalogue,
    loadPresentState,
  };
}

async function refreshCatalogue(signal: AbortSignal): Promise<void> {
  catalogue.value = await api.catalogue(signal).catch(() => catalogue.value);
}

/** Health and backlog do not come with the events. */
const busList = questionOf(api.buses, ({ items }) => {
  busesError.value = null;
  hasBuses.value = true;
  buses.value = new Map(items.map((bus) => [bus.device, { ...bus, ...laterPosition(bus, buses.value.get(bus.device)) }]));
}, (problem) => (busesError.value = problem));

const sums = questionOf(api.summary, (answer) => (summary.value = answer), () => undefined);

/** An event may have told a newer position than the answer. */
function laterPosition(bus: Bus, known: Bus | undefined): Partial<Bus> {
  if (known === undefined || (known.position_at ?? "") <= (bus.position_at ?? "")) {
    return {};
  }
  const { lon, lat, heading_deg, speed_mps, position_at } = known;
  return { lon, lat, heading_deg, speed_mps, position_at };
}

/** Connect and stay connected until the signal aborts; anew for who signs in or out, with nothing of who sat here before. */
export function startLive(signal: AbortSignal): void {
  const { me, isAnswered } = useMe();
  let seat = new AbortController();
  let sitter: string | null = null;
  const sit = (): void => follow(endWith(seat, signal));
  sit();
  const stop = watch([me, isAnswered], () => {
    if (!isAnswered.value) {
      return;
    }
    const name = `${me.value.way} ${me.value.name}`;
    if (sitter !== null && name !== sitter) {
      seat.abort();
      forget();
      seat = new AbortController();
      sit();
    }
    sitter = name;
  }, { immediate: true });
  signal.addEventListener("abort", stop, { once: true });
}

function forget(): void {
  busList.drop();
  sums.drop();
  states.clear();
  touched.clear();
  cases.value = new Map();
  buses.value = new Map();
  summary.value = null;
  feed.value = [];
  isLoaded.value = hasBuses.value = false;
}

function follow(signal: AbortSignal): void {
  const queue: ServerEvent[] = [];
  void followEvents({
    onState: (state) => {
      connection.value = state;
      // A stream that does not open keeps nobody from reading what there is.
      if (state === "live" || (state === "waiting" && !isLoaded.value)) {
        void loadPresentState(signal);
      }
    },
    onEvent: (event) => {
      if (queue.push(event) === 1) {
        requestFrame(() => {
          if (signal.aborted) {
            return;
          }
          take(queue.splice(0));
        });
      }
    },
  }, signal);
  const timers = [
    setInterval(() => isSeen() && void sums.askAgain(), SUMMARY_EVERY_MS),
    setInterval(() => void loadPresentState(signal), RESYNC_MS),
    setInterval(() => isLarge() && void loadPresentState(signal), CHECK_MS),
  ];
  signal.addEventListener("abort", () => timers.forEach((timer) => clearInterval(timer)), { once: true });
}

function isLarge(): boolean {
  return states.size > MOST_STATES || cases.value.size > MOST_CASES;
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function isSeen(): boolean {
  return document.visibilityState === "visible";
}

/** A hidden page gets no frames, but its state must not grow stale or its queue long. */
function requestFrame(work: () => void): void {
  if (isSeen()) {
    requestAnimationFrame(work);
  } else {
    setTimeout(work, 1000);
  }
}

async function loadPresentState(signal: AbortSignal): Promise<void> {
  touched.clear();
  const [findings] = await Promise.allSettled([
    loadFindings(signal),
    refreshCatalogue(signal),
    busList.ask(),
    isSeen() ? sums.ask() : null,
    loadCases(signal),
  ]);
  if (signal.aborted) {
    return;
  }
  if (findings.status === "rejected") {
    feedError.value = findings.reason instanceof Error ? findings.reason : new Error(String(findings.reason));
    return;
  }
  feedError.value = null;
  if (!isLoaded.value) {
    // What events told meanwhile is newer.
    feed.value = prepend([...recentEntries(findings.value, cases.value.values())].reverse(), [...feed.value].reverse());
    isLoaded.value = true;
  }
}

async function loadFindings(signal: AbortSignal): Promise<Finding[]> {
  const { features } = await api.findings({ limit: PAGE_SIZE }, signal);
  states.clear();
  features.forEach((finding) => states.set(finding.id, finding.properties.state));
  return features;
}

async function loadCases(signal: AbortSignal): Promise<void> {
  const { permissions } = await api.me(signal);
  if (!permissions.includes("see_cases")) {
    return;
  }
  const answer = await api.cases({ limit: PAGE_SIZE }, signal);
  cases.value = keepNewer(new Map(answer.items.map((item) => [item.id, item])), cases.value);
}

/** Of what the answer does not hold, only what events told of meanwhile. */
function keepNewer(loaded: Map<string, CaseItem>, current: ReadonlyMap<string, CaseItem>): Map<string, CaseItem> {
  for (const [id, known] of current) {
    const answered = loaded.get(id);
    if (answered === undefined ? touched.has(id) : known.version > answered.version) {
      loaded.set(id, known);
    }
  }
  return loaded;
}

function take(events: readonly ServerEvent[]): void {
  const news = events.map(takeOne).filter((entry) => entry !== null);
  if (news.length > 0) {
    feed.value = prepend(feed.value, news);
  }
  const names = new Set(events.map((event) => event.name));
  if (names.has("case")) {
    triggerRef(cases);
  }
  if (names.has("bus")) {
    triggerRef(buses);
  }
}

/** Put one event into the state; returns its line in the feed, if it has one. */
function takeOne(event: ServerEvent): FeedEntry | null {
  switch (event.name) {
    case "observation":
      return takeObservation(JSON.parse(event.data) as ObservationEvent);
    case "finding":
      return takeFinding(JSON.parse(event.data) as Finding);
    case "case":
      return takeCase(JSON.parse(event.data) as CaseItem);
    case "travel": {
      const news = JSON.parse(event.data) as { search: string };
      travelListeners.forEach((listener) => listener(news));
      return null;
    }
    case "bus":
      takeBus(JSON.parse(event.data) as BusEvent);
      return null;
    default:
      return null; // a newer server may tell more
  }
}

/** What is not in the catalogue is a thing beside the road that stands where it should. */
function isNews(entry: FeedEntry): boolean {
  return entry.kind !== "observation" || (catalogue.value?.classes.some(({ code }) => code === entry.classCode) ?? true);
}

function takeObservation(event: ObservationEvent): FeedEntry {
  observationListeners.forEach((listener) => listener(event));
  return observationEntry(event);
}

function takeFinding(finding: Finding): FeedEntry | null {
  const entry = findingEntry(states.get(finding.id), finding, new Date().toISOString());
  states.set(finding.id, finding.properties.state);
  findingListeners.forEach((listener) => listener(finding));
  return isLoaded.value ? entry : null;
}

function takeCase(item: CaseItem): FeedEntry | null {
  const entry = caseEntry(cases.value.get(item.id), item, new Date().toISOString());
  cases.value.set(item.id, item);
  touched.add(item.id);
  return isLoaded.value ? entry : null;
}

function takeBus(event: BusEvent): void {
  const known = buses.value.get(event.device);
  const last = event.points.at(-1);
  buses.value.set(event.device, {
    ...(known ?? unknownBus(event.device)),
    presence: event.presence,
    ...(last === undefined
      ? {}
      : { lon: last.lon, lat: last.lat, heading_deg: last.heading_deg, speed_mps: last.speed_mps, position_at: last.at }),
  });
  busListeners.forEach((listener) => listener(event));
}

function unknownBus(device: string): Bus {
  return {
    device,
    is_relay: false,
    presence: "online",
    last_seen_at: null,
    lon: null,
    lat: null,
    heading_deg: null,
    speed_mps: null,
    position_at: null,
    outbox_depth: null,
    outbox_oldest_s: null,
    frames_per_s: null,
    camera: null,
    pictures_waiting: null,
    outbox: null,
    outbox_damaged: null,
    given_up_by_kind: {},
    pictures_given_up: null,
    stored_up_to: 0,
    missing: 0,
    given_up: 0,
    redelivered: 0,
  };
}
