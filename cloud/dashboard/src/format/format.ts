/** How numbers, units and times are shown. Times are stored in UTC and shown in the viewer's time zone. */

import type { Messages } from "../locales/zh";

const SECOND_MS = 1000;
const AGO_STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

interface Numbers {
  format: (value: number) => string;
}

/** What rounds to nothing has no sign. */
const NOTHING_BELOW_ZERO = /^-(0(?:\.0+)?)$/;

export type Format = ReturnType<typeof createFormat>;

export function createFormat(languageTag: string, messages: Messages) {
  const numbers = (options: Intl.NumberFormatOptions): Numbers => {
    const { format } = new Intl.NumberFormat(languageTag, options);
    return { format: (value) => format(value).replace(NOTHING_BELOW_ZERO, "$1") };
  };
  const whole = numbers({ maximumFractionDigits: 0 });
  const compact = numbers({ notation: "compact", maximumSignificantDigits: 3 });
  const tenth = numbers({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const hundredth = numbers({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const dateTime = new Intl.DateTimeFormat(languageTag, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false,
  });
  const time = new Intl.DateTimeFormat(languageTag, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });
  const hourAndMinute = new Intl.DateTimeFormat(languageTag, { hour: "2-digit", minute: "2-digit", hour12: false });
  const monthAndDay = new Intl.DateTimeFormat(languageTag, { month: "numeric", day: "numeric" });
  const day = new Intl.DateTimeFormat(languageTag, { month: "long", day: "numeric", weekday: "short" });
  const date = new Intl.DateTimeFormat(languageTag, { year: "numeric", month: "2-digit", day: "2-digit" });
  const calendarDay = new Intl.DateTimeFormat(languageTag, { year: "numeric", month: "2-digit", day: "2-digit", timeZone: "UTC" });
  const relative = new Intl.RelativeTimeFormat(languageTag, { numeric: "always", style: "short" });

  const orNone = (value: number | null | undefined, show: (known: number) => string): string =>
    value === null || value === undefined || !Number.isFinite(value) ? messages.none : show(value);
  const whenKnown = (at: string | null | undefined, show: (known: Date) => string): string => {
    const date = at ? new Date(at) : null;
    return date === null || Number.isNaN(date.getTime()) ? messages.none : show(date);
  };

  return {
    count: (value: number | null | undefined) => orNone(value, (known) => whole.format(known)),
    /** As short as it goes: 1.23万, 12.3k. */
    compact: (value: number | null | undefined) => orNone(value, (known) => compact.format(known)),
    /** 0..1 as a percentage; never 100 % unless it is certain, never 0 % unless impossible. */
    percent: (share: number | null | undefined) => orNone(share, (known) => percentText(known)),
    metres: (value: number | null | undefined) => orNone(value, (known) => `${tenth.format(known)} ${messages.units.metre}`),
    centimetreMetres: (value: number | null | undefined) =>
      orNone(value, (known) => `${hundredth.format(known)} ${messages.units.metre}`),
    squareMetres: (value: number | null | undefined) =>
      orNone(value, (known) => `${hundredth.format(known)} ${messages.units.squareMetre}`),
    plusMinusMetres: (value: number | null | undefined) =>
      orNone(value, (known) => `± ${tenth.format(known)} ${messages.units.metre}`),
    /** Metres below a kilometre, kilometres above. */
    distance: (metres: number | null | undefined) =>
      orNone(metres, (known) => (Math.round(known) < 1000 ? `${whole.format(known)} m` : `${tenth.format(known / 1000)} km`)),
    /** Seconds as the largest unit that fits. */
    duration: (seconds: number | null | undefined) => orNone(seconds, (known) => durationText(known, messages, whole)),
    /** 1.2 GB, 340 MB; in powers of ten. */
    bytes: (value: number | null | undefined) => orNone(value, (known) => (Math.round(known / 1e6) >= 1000 ? `${tenth.format(known / 1e9)} GB` : `${whole.format(known / 1e6)} MB`)),
    celsius: (value: number | null | undefined) => orNone(value, (known) => `${whole.format(known)} °C`),
    degrees: (value: number | null | undefined) => orNone(value, (known) => `${hundredth.format(known)}°`),
    seconds: (value: number | null | undefined) => orNone(value, (known) => `${hundredth.format(known)} s`),
    /** Seconds as milliseconds. */
    milliseconds: (seconds: number | null | undefined) => orNone(seconds, (known) => `${whole.format(known * 1000)} ms`),
    /** Of a time in milliseconds. */
    hourAndMinute: (atMs: number) => hourAndMinute.format(atMs),
    monthAndDay: (atMs: number) => monthAndDay.format(atMs),
    pixels: (value: number | null | undefined) => orNone(value, (known) => `${tenth.format(known)} px`),
    decimal: (value: number | null | undefined) => orNone(value, (known) => tenth.format(known)),
    date: (at: string | null | undefined) => whenKnown(at, (known) => date.format(known)),
    /** A day of the county's calendar (2027-01-31), the same wherever it is read. */
    calendarDay: (day: string | null | undefined) => whenKnown(day, (known) => calendarDay.format(known)),
    kilometresPerHour: (speedMps: number | null | undefined) =>
      orNone(speedMps, (known) => `${whole.format(known * 3.6)} km/h`),
    /** WGS-84, six digits are a decimetre. */
    position: (lon: number, lat: number) => `${lat.toFixed(6)}, ${lon.toFixed(6)}`,
    dateTime: (at: string | null | undefined) => whenKnown(at, (known) => dateTime.format(known)),
    time: (at: string | null | undefined) => whenKnown(at, (known) => time.format(known)),
    clock: (now: Date) => time.format(now),
    day: (now: Date) => day.format(now),
    ago: (at: string | null | undefined, now: Date) => whenKnown(at, (known) => agoText(known, now, relative, messages)),
  };
}

/** A time as a `datetime-local` field holds it: by the viewer's clock, to the minute. */
export function localInput(atMs: number): string {
  const at = new Date(atMs);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function percentText(share: number): string {
  const percent = share * 100;
  if (percent >= 99.5 && percent < 100) {
    return `${Math.min(99.9, Math.floor(percent * 10) / 10).toFixed(1)}%`;
  }
  if (percent > 0 && percent < 1) {
    return `${Math.max(0.1, percent).toFixed(1)}%`;
  }
  return `${Math.round(percent)}%`;
}

function durationText(seconds: number, messages: Messages, whole: Numbers): string {
  const step = AGO_STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  const [unit, length] = step as [keyof Messages["duration"], number];
  return messages.duration[unit](whole.format(Math.floor(Math.abs(seconds) / length)));
}

function agoText(at: Date, now: Date, relative: Intl.RelativeTimeFormat, messages: Messages): string {
  const seconds = Math.floor((now.getTime() - at.getTime()) / SECOND_MS);
  const step = AGO_STEPS.find(([, length]) => seconds >= length);
  if (step === undefined || seconds < 3) {
    return messages.ago.now;
  }
  return relative.format(-Math.floor(seconds / step[1]), step[0]);
}
