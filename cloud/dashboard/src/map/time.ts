/** The time slider as numbers: a stretch of time in steps that ends now, or around a time long ago. */

export type Span = "hour" | "day" | "week" | "month";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const SPANS: Readonly<Record<Span, { lengthMs: number; stepMs: number }>> = {
  hour: { lengthMs: HOUR_MS, stepMs: MINUTE_MS / 4 },
  day: { lengthMs: DAY_MS, stepMs: 5 * MINUTE_MS },
  week: { lengthMs: 7 * DAY_MS, stepMs: 30 * MINUTE_MS },
  month: { lengthMs: 30 * DAY_MS, stepMs: 3 * HOUR_MS },
};
export const SPAN_NAMES: readonly Span[] = ["hour", "day", "week", "month"];
/** Between two ticks: at round times of the clock on the wall. */
const TICK_MS: Readonly<Record<Span, number>> = { hour: 10 * MINUTE_MS, day: 4 * HOUR_MS, week: DAY_MS, month: 5 * DAY_MS };
const EDGE = 0.02;

export interface TimeWindow {
  fromMs: number;
  toMs: number;
  stepMs: number;
  /** Steps from its beginning to its end. */
  steps: number;
  /** Whether its end is now. */
  endsNow: boolean;
}

export function isSpan(text: string | null): text is Span {
  return text !== null && text in SPANS;
}

/** The shortest stretch that reaches back to a time; the longest for one that lies before all of them. */
export function spanReaching(at: string | null, nowMs: number): Span {
  const agoMs = at === null ? 0 : nowMs - Date.parse(at);
  return at === null ? "day" : (SPAN_NAMES.find((name) => agoMs <= SPANS[name].lengthMs) ?? "month");
}

/** The stretch that is slid over: until now, or with a time that lies before it in its middle. */
export function windowOf(span: Span, at: string | null, nowMs: number): TimeWindow {
  const { lengthMs, stepMs } = SPANS[span];
  const nowStepMs = Math.floor(nowMs / stepMs) * stepMs;
  const atMs = at === null ? nowMs : Date.parse(at);
  const endsNow = atMs >= nowStepMs - lengthMs;
  const toMs = endsNow ? nowStepMs : Math.min(nowStepMs, Math.round((atMs + lengthMs / 2) / stepMs) * stepMs);
  return { fromMs: toMs - lengthMs, toMs, stepMs, steps: lengthMs / stepMs, endsNow };
}

/** The step of a time; now is the last. */
export function stepOf(at: string | null, { fromMs, stepMs, steps }: TimeWindow): number {
  return at === null ? steps : Math.min(steps, Math.max(0, Math.round((Date.parse(at) - fromMs) / stepMs)));
}

/** The time of a step; null is now. */
export function momentOf(step: number, { fromMs, stepMs, steps, endsNow }: TimeWindow): string | null {
  return endsNow && step >= steps ? null : new Date(fromMs + Math.max(0, Math.min(steps, step)) * stepMs).toISOString().replace(".000Z", "Z");
}

/** Round times of the place where one sits, with how far along each is; none so near an end that its words would stick out. */
export function ticksOf(span: Span, { fromMs, toMs }: TimeWindow): { atMs: number; share: number }[] {
  const apartMs = TICK_MS[span];
  const offsetMs = offsetAt(toMs);
  const firstMs = Math.ceil((fromMs - offsetMs) / apartMs) * apartMs + offsetMs;
  const count = Math.max(0, Math.floor((toMs - firstMs) / apartMs) + 1);
  return Array.from({ length: count }, (_, tick) => firstMs + tick * apartMs)
    .map((atMs) => atMs + offsetAt(atMs) - offsetMs)
    .map((atMs) => ({ atMs, share: (atMs - fromMs) / (toMs - fromMs) }))
    .filter(({ share }) => share >= EDGE && share <= 1 - EDGE);
}

/** Of the viewer's clock behind UTC; it changes with summer time. */
function offsetAt(atMs: number): number {
  return new Date(atMs).getTimezoneOffset() * MINUTE_MS;
}

/** A time out of the address, if it is one that has been; seconds are enough. */
export function readMoment(text: string | null, nowMs: number): string | null {
  const atMs = text === null ? NaN : Date.parse(text);
  return Number.isNaN(atMs) || atMs >= nowMs ? null : new Date(Math.floor(atMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
