/**
 * A bus between two messages. Positions come in batches; the picture of the bus runs along them so that it reaches the last
 * known point when the next batch is expected. It never runs ahead of what is known.
 */

export interface TrackPoint {
  atMs: number;
  lon: number;
  lat: number;
  headingDeg: number;
  speedMps: number;
}

export interface Pose {
  lon: number;
  lat: number;
  headingDeg: number;
  speedMps: number;
}

const FIRST_GAP_MS = 2_000;
const SHORTEST_GAP_MS = 250;
const LONGEST_GAP_MS = 30_000;
/** Farther behind than this many batches: jump instead of racing through the town. */
const MOST_BATCHES_BEHIND = 3;
const SMOOTH_FRAME_MS = 17;
export const SHORTEST_REST_MS = 33;
/** Cells are asked for 600 ms after an event: what happened is seen within a second. */
const LONGEST_REST_MS = 400;
/** Of what a drawing costs, so that a slow machine keeps most of itself for other things. */
const REST_FACTOR = 4;

export class BusMotion {
  private points: TrackPoint[] = [];
  private headMs = 0;
  private rate = 0;
  private gapMs = FIRST_GAP_MS;
  private arrivedMs: number | null = null;
  private tickedMs = 0;

  /** Take a batch that arrived now; points that are not newer than the known ones are dropped. */
  push(batch: readonly TrackPoint[], nowMs: number): void {
    const lastMs = this.points.at(-1)?.atMs ?? -Infinity;
    const news = batch.filter((point) => point.atMs > lastMs).sort((a, b) => a.atMs - b.atMs);
    const first = news[0];
    const last = news.at(-1);
    if (first === undefined || last === undefined) {
      return;
    }
    this.advance(nowMs);
    this.noteArrival(nowMs);
    if (this.points.length === 0) {
      this.headMs = first.atMs;
    }
    const longestLagMs = MOST_BATCHES_BEHIND * Math.max(last.atMs - first.atMs, this.gapMs);
    this.headMs = Math.max(this.headMs, last.atMs - longestLagMs);
    const known = [...this.points, ...news];
    this.points = known.slice(Math.max(0, known.findLastIndex((point) => point.atMs <= this.headMs)));
    this.rate = (last.atMs - this.headMs) / this.gapMs;
  }

  /** Where to draw the bus now; null while nothing is known. */
  at(nowMs: number): Pose | null {
    this.advance(nowMs);
    return poseAlong(this.points, this.headMs);
  }

  /** Whether the next picture will differ from this one. */
  get isMoving(): boolean {
    const last = this.points.at(-1);
    return last !== undefined && this.rate > 0 && this.headMs < last.atMs;
  }

  /** Stand at the last known point (no animation wanted). */
  jump(): void {
    this.headMs = this.points.at(-1)?.atMs ?? this.headMs;
  }

  private advance(nowMs: number): void {
    const last = this.points.at(-1);
    if (last !== undefined) {
      this.headMs = Math.min(last.atMs, this.headMs + Math.max(0, nowMs - this.tickedMs) * this.rate);
    }
    this.tickedMs = nowMs;
  }

  private noteArrival(nowMs: number): void {
    if (this.arrivedMs !== null) {
      const gapMs = Math.min(LONGEST_GAP_MS, Math.max(SHORTEST_GAP_MS, nowMs - this.arrivedMs));
      this.gapMs = 0.5 * this.gapMs + 0.5 * gapMs;
    }
    this.arrivedMs = nowMs;
  }
}

/** The pose at a time: between its neighbours, or at the nearer end. */
export function poseAlong(points: readonly TrackPoint[], atMs: number): Pose | null {
  const after = points.findIndex((point) => point.atMs > atMs);
  const right = after < 0 ? points.at(-1) : points[after];
  const left = after < 0 ? right : (points[after - 1] ?? right);
  if (left === undefined || right === undefined) {
    return null;
  }
  const spanMs = right.atMs - left.atMs;
  const share = spanMs > 0 ? (atMs - left.atMs) / spanMs : 0;
  return {
    lon: left.lon + (right.lon - left.lon) * share,
    lat: left.lat + (right.lat - left.lat) * share,
    headingDeg: turnBetween(left.headingDeg, right.headingDeg, share),
    speedMps: left.speedMps + (right.speedMps - left.speedMps) * share,
  };
}

/** The shorter way round from one heading to another; degrees in [0, 360). */
export function turnBetween(fromDeg: number, toDeg: number, share: number): number {
  const turnDeg = ((toDeg - fromDeg + 540) % 360) - 180;
  return (fromDeg + turnDeg * share + 360) % 360;
}

/** How long to wait before the map is drawn again. What another process draws (no graphics card) shows only in the frames. */
export function restAfter({ workedMs, longestFrameMs }: { workedMs: number; longestFrameMs: number }): number {
  const costMs = Math.max(workedMs, longestFrameMs - SMOOTH_FRAME_MS);
  return Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, REST_FACTOR * costMs));
}
