/** Where the points of the probability chart lie. */

import type { Pass } from "../api/types";

export interface ChartArea {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface ChartPoint {
  x: number;
  y: number;
  pass: Pass;
}

/** One column per pass, evenly spaced in order; the first column is the prior. */
export function chartPoints(passes: readonly Pass[], area: ChartArea): ChartPoint[] {
  return passes.map((pass, index) => ({
    x: columnX(index + 1, passes.length, area),
    y: probabilityY(pass.probability_after, area),
    pass,
  }));
}

/** A line through the points that starts at the probability before the first pass. */
export function chartLine(passes: readonly Pass[], area: ChartArea): string {
  const first = passes[0];
  if (first === undefined) {
    return "";
  }
  const start = `M${columnX(0, passes.length, area)} ${probabilityY(first.probability_before, area)}`;
  return start + chartPoints(passes, area).map(({ x, y }) => `L${x} ${y}`).join("");
}

export function probabilityY(probability: number, area: ChartArea): number {
  return round(area.top + (1 - probability) * area.height);
}

export function columnX(column: number, passes: number, area: ChartArea): number {
  return round(area.left + (column / Math.max(1, passes)) * area.width);
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}
