/** The evidence of an incident: speed, and accelerations where somebody felt them, over the seconds around it. */

import type { MotionMoment } from "../api/driving";
import type { ChartOption } from "./chart";
import { seconds, type Palette } from "./options";

export interface Trace {
  moments: readonly MotionMoment[];
  fromMs: number;
  toMs: number;
  labels: { speed: string; limit: string; forward: string; right: string; unit: string };
}

/** Seconds before and after the incident's begin on the axis; the incident itself is shaded. */
export function tracePlot({ moments, fromMs, toMs, labels }: Trace, palette: Palette): ChartOption {
  const at = (moment: MotionMoment): number => (Date.parse(moment.at) - fromMs) / 1000;
  const line = (name: string, axis: number, colour: string, value: (moment: MotionMoment) => number | null | undefined, isDashed = false) => ({
    type: "line",
    name,
    yAxisIndex: axis,
    symbol: moments.length < 3 ? "circle" : "none",
    data: moments.map((moment) => [at(moment), value(moment) ?? null]),
    lineStyle: { width: 2, color: colour, type: isDashed ? "dashed" : "solid" },
    itemStyle: { color: colour },
  });
  const kmh = (mps: number | null | undefined) => (mps === null || mps === undefined ? null : mps * 3.6);
  const series = [
    line(labels.speed, 0, palette.accent, ({ speed_mps }) => kmh(speed_mps)),
    line(labels.limit, 0, palette.bad, ({ limit_mps }) => kmh(limit_mps), true),
    line(labels.forward, 1, palette.warn, ({ forward_mps2 }) => forward_mps2),
    line(labels.right, 1, palette.good, ({ right_mps2 }) => right_mps2),
  ].filter(({ data }) => data.some(([, value]) => value !== null));
  const marked = series.map((one, place) => (place > 0 ? one : {
    ...one,
    markArea: { silent: true, itemStyle: { color: palette.bad, opacity: 0.08 }, data: [[{ xAxis: 0 }, { xAxis: Math.max(0.1, (toMs - fromMs) / 1000) }]] },
  }));
  return seconds({ series: marked, unit: labels.unit }, palette);
}
