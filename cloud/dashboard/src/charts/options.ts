/** How our charts look: colours out of the page's tokens, so that light and dark follow. */

import type { ChartOption } from "./chart";

export interface Palette {
  text: string;
  faint: string;
  line: string;
  surface: string;
  accent: string;
  good: string;
  warn: string;
  bad: string;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: of("--text"),
    faint: of("--text-faint"),
    line: of("--border"),
    surface: of("--surface"),
    accent: of("--accent"),
    good: of("--good"),
    warn: of("--warn"),
    bad: of("--bad"),
  };
}

export interface Bar {
  label: string;
  value: number;
  colour?: string;
}

export interface Series {
  label: string;
  values: number[];
  colour: string;
}

/** Lying bars, one per line, the first on top. */
export function lyingBars(bars: readonly Bar[], palette: Palette): ChartOption {
  return {
    ...base(palette),
    grid: { left: 8, right: 44, top: 6, bottom: 6, containLabel: true },
    xAxis: { type: "value", minInterval: 1, axisLabel: { show: false }, splitLine: { show: false } },
    yAxis: { type: "category", inverse: true, data: bars.map(({ label }) => label), ...categoryAxis(palette) },
    series: [{
      type: "bar",
      barMaxWidth: 22,
      data: bars.map(({ value, colour }) => ({ value, itemStyle: { color: colour ?? palette.accent, borderRadius: [0, 4, 4, 0] } })),
      label: { show: true, position: "right", color: palette.text },
      showBackground: true,
      backgroundStyle: { color: palette.line, opacity: 0.35, borderRadius: [0, 4, 4, 0] },
    }],
  };
}

export function standingBars(bars: readonly Bar[], palette: Palette): ChartOption {
  return {
    ...base(palette),
    grid: { left: 8, right: 12, top: 22, bottom: 6, containLabel: true },
    xAxis: { type: "category", data: bars.map(({ label }) => label), ...categoryAxis(palette) },
    yAxis: valueAxis(palette),
    series: [{
      type: "bar",
      barMaxWidth: 34,
      data: bars.map(({ value, colour }) => ({ value, itemStyle: { color: colour ?? palette.accent, borderRadius: [4, 4, 0, 0] } })),
      label: { show: true, position: "top", color: palette.text },
    }],
  };
}

export function lines(days: readonly string[], series: readonly Series[], palette: Palette): ChartOption {
  return {
    ...base(palette),
    legend: { top: 0, right: 8, icon: "roundRect", itemWidth: 14, itemHeight: 4, textStyle: { color: palette.text } },
    grid: { left: 8, right: 16, top: 34, bottom: 6, containLabel: true },
    xAxis: { type: "category", data: [...days], ...categoryAxis(palette) },
    yAxis: valueAxis(palette),
    series: series.map(({ label, values, colour }) => ({
      type: "line",
      name: label,
      data: values,
      symbolSize: 6,
      lineStyle: { width: 2.5, color: colour },
      itemStyle: { color: colour },
      areaStyle: { color: colour, opacity: 0.07 },
    })),
  };
}

export interface Banded {
  day: string;
  value: number | null;
  low: number | null;
  high: number | null;
}

/** An estimate over time within its interval; the band is the upper bound stacked on the lower. */
export function band(points: readonly Banded[], name: string, palette: Palette): ChartOption {
  const hidden = { type: "line", stack: "band", symbol: "none", silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false } };
  return {
    ...base(palette),
    tooltip: { ...(base(palette)["tooltip"] as object), axisPointer: { type: "line", lineStyle: { color: palette.line } } },
    grid: { left: 8, right: 16, top: 14, bottom: 6, containLabel: true },
    xAxis: { type: "category", boundaryGap: points.length < 2, data: points.map(({ day }) => day), ...categoryAxis(palette) },
    yAxis: { ...valueAxis(palette), min: 0, max: 100, interval: 20 },
    series: [
      { ...hidden, data: points.map(({ low }) => low) },
      {
        ...hidden,
        data: points.map(({ low, high }) => (low === null || high === null ? null : high - low)),
        areaStyle: { color: palette.accent, opacity: 0.16 },
      },
      {
        type: "line",
        name,
        data: points.map(({ value }) => value),
        symbolSize: 6,
        lineStyle: { width: 2.5, color: palette.accent },
        itemStyle: { color: palette.accent },
      },
    ],
  };
}

/** A time in milliseconds, and what was there then; null is a gap. */
export type Moment = readonly [atMs: number, value: number | null];

export interface TimeLine {
  label: string;
  points: readonly Moment[];
  fromMs: number;
  toMs: number;
  colour: string;
  axisTime: (atMs: number) => string;
  fullTime: (atMs: number) => string;
  amount: (value: number) => string;
}

/** One line over a stretch of time, all of which is shown, whether anything is known of it or not. */
export function timeLine({ label, points, fromMs, toMs, colour, axisTime, fullTime, amount }: TimeLine, palette: Palette): ChartOption {
  return {
    ...base(palette),
    tooltip: {
      ...(base(palette)["tooltip"] as object),
      axisPointer: { type: "line", lineStyle: { color: palette.line } },
      formatter: ([point]: { value: Moment }[]) => (point === undefined || point.value[1] === null ? "" : `${fullTime(point.value[0])}\n${amount(point.value[1])}`),
    },
    grid: { left: 8, right: 16, top: 12, bottom: 6, containLabel: true },
    xAxis: { type: "time", min: fromMs, max: toMs, splitNumber: 4, ...categoryAxis(palette), axisLabel: { color: palette.text, hideOverlap: true, formatter: axisTime } },
    yAxis: { ...valueAxis(palette), minInterval: 0, splitNumber: 3, scale: true, axisLabel: { color: palette.faint, formatter: amount } },
    series: [{
      type: "line",
      name: label,
      data: points.map((point) => [...point]),
      symbol: points.length < 3 ? "circle" : "none",
      connectNulls: false,
      lineStyle: { width: 2, color: colour },
      itemStyle: { color: colour },
      areaStyle: { color: colour, opacity: 0.08, origin: "start" },
    }],
  };
}

/** Lines over seconds around a moment: speeds at the left axis, accelerations at the right one. */
export function seconds({ series, unit }: { series: readonly { yAxisIndex: number }[]; unit: string }, palette: Palette): ChartOption {
  const hasRight = series.some(({ yAxisIndex }) => yAxisIndex === 1);
  return {
    ...base(palette),
    legend: { top: 0, right: 8, icon: "roundRect", itemWidth: 14, itemHeight: 4, textStyle: { color: palette.text } },
    tooltip: { ...(base(palette)["tooltip"] as object), axisPointer: { type: "line", lineStyle: { color: palette.line } }, valueFormatter: (value: number) => value.toFixed(1) },
    grid: { left: 8, right: 12, top: 44, bottom: 6, containLabel: true },
    xAxis: { type: "value", min: "dataMin", max: "dataMax", ...categoryAxis(palette), axisLabel: { color: palette.text, formatter: (value: number) => (Number.isInteger(value) ? `${value} s` : "") }, splitLine: { show: false } },
    yAxis: [
      { ...valueAxis(palette), name: "km/h", nameTextStyle: { color: palette.faint }, min: 0, axisLine: { show: false, onZero: false }, axisTick: { show: false } },
      { ...valueAxis(palette), name: unit, nameTextStyle: { color: palette.faint }, show: hasRight, axisLine: { show: false, onZero: false }, axisTick: { show: false }, splitLine: { show: false } },
    ],
    series: [...series],
  };
}

function base(palette: Palette): ChartOption {
  return {
    animationDuration: 250,
    animationDurationUpdate: 250,
    aria: { enabled: true },
    textStyle: { fontFamily: "inherit", color: palette.text },
    tooltip: {
      trigger: "axis",
      renderMode: "richText", // the other one writes inline styles, which the Content-Security-Policy forbids
      axisPointer: { type: "shadow", shadowStyle: { color: palette.line, opacity: 0.3 } },
      backgroundColor: palette.surface,
      borderColor: palette.line,
      textStyle: { color: palette.text },
    },
  };
}

function categoryAxis(palette: Palette) {
  return {
    axisLine: { lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { color: palette.text, hideOverlap: true },
  };
}

function valueAxis(palette: Palette) {
  return {
    type: "value",
    minInterval: 1,
    axisLabel: { color: palette.faint },
    splitLine: { lineStyle: { color: palette.line } },
  };
}
