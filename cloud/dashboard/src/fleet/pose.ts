/**
 * How a camera looks at a flat road, from what a mechanic can measure; the same geometry as the bus's own `vision/ground.py`, in
 * the middle of the picture and without the lens's distortion. The pitch is positive where the camera looks down.
 */

import type { Pose } from "../api/fleet";

export const POSE_KEYS = ["height_m", "focal_px", "pitch_deg", "yaw_deg", "roll_deg", "forward_m", "right_m"] as const satisfies readonly (keyof Pose)[];
/** Off by less, a known distance confirms the pose: a row of pixels and a tape are not better. */
export const CONFIRMED_SHARE = 0.05;
/** What the server takes, and what can be: above the first, below the second. */
const LIMITS = { height_m: [0, 10], focal_px: [0, 20_000], pitch_deg: [-45, 80] } as const;
/** What the wizard finds out. */
export type Measured = { [Key in keyof typeof LIMITS]: number | null };
const DEGREES = 180 / Math.PI;

/** The picture in which rows are read: 0 is its upper edge. */
export interface Picture {
  heightPx: number;
  focalPx: number;
  rollDeg: number;
}

/** A mark on the road ahead, in the middle of the picture. */
export interface Mark {
  rowPx: number;
  /** Along the road, from the point below the lens. */
  distanceM: number;
}

/** Pitch in degrees, from the row of the horizon. */
export function pitchOfHorizon(horizonPx: number, { heightPx, focalPx, rollDeg }: Picture): number {
  return Math.atan(((heightPx / 2 - horizonPx) * Math.cos(rollDeg / DEGREES)) / focalPx) * DEGREES;
}

/** Row of the horizon; it may lie outside the picture. */
export function horizonOfPitch(pitchDeg: number, { heightPx, focalPx, rollDeg }: Picture): number {
  return heightPx / 2 - (focalPx * Math.tan(pitchDeg / DEGREES)) / Math.cos(rollDeg / DEGREES);
}

/** How far ahead of the lens the road is that a row shows; null at the horizon and above. */
export function distanceOfRow(rowPx: number, pitchDeg: number, heightM: number, picture: Picture): number | null {
  const down = pitchDeg / DEGREES + belowTheMiddle(rowPx, picture);
  return down > 1e-6 ? heightM / Math.tan(down) : null;
}

/** The pitch with which the mark lies where it was measured, at this height and focal length. */
export function pitchOfMark({ rowPx, distanceM }: Mark, heightM: number, picture: Picture): number {
  return (Math.atan2(heightM, distanceM) - belowTheMiddle(rowPx, picture)) * DEGREES;
}

/** The focal length with which the horizon and the mark both lie where they were seen; null where the mark is not below the horizon. */
export function focalOfMark({ rowPx, distanceM }: Mark, horizonPx: number, heightM: number, { heightPx, rollDeg }: Omit<Picture, "focalPx">): number | null {
  const turn = Math.cos(rollDeg / DEGREES);
  const above = (heightPx / 2 - horizonPx) * turn;
  const below = (rowPx - heightPx / 2) * turn;
  // tan(pitch + angle below the middle) = height / distance, solved for the focal length.
  const linear = (above + below) * distanceM;
  const inside = linear ** 2 + 4 * above * below * heightM ** 2;
  const focalPx = (linear + Math.sqrt(inside)) / (2 * heightM);
  return above + below > 0 && focalPx > 0 ? focalPx : null;
}

export interface Check {
  /** What the pose says of the mark's row; null: it does not see the road there. */
  distanceM: number | null;
  /** By how much that is too far. */
  offM: number | null;
  isConfirmed: boolean;
}

export function checkPose(mark: Mark, pitchDeg: number, heightM: number, picture: Picture): Check {
  const distanceM = distanceOfRow(mark.rowPx, pitchDeg, heightM, picture);
  const offM = distanceM === null ? null : distanceM - mark.distanceM;
  return { distanceM, offM, isConfirmed: offM !== null && Math.abs(offM) <= CONFIRMED_SHARE * mark.distanceM };
}

/** What of a twin's settings is the camera's pose. */
export function poseOf(settings: Readonly<Record<string, unknown>>): Pose {
  const known = POSE_KEYS.map((key) => [key, settings[`camera.${key}`]] as const);
  return Object.fromEntries(known.filter(([, value]) => typeof value === "number")) as Pose;
}

/** What of it is missing or cannot be. */
export function faultsOf(measured: Measured): (keyof Measured)[] {
  return (Object.keys(LIMITS) as (keyof Measured)[]).filter((key) => {
    const value = measured[key];
    const [low, high] = LIMITS[key];
    return value === null || value <= low || value >= high;
  });
}

/** A number as a person writes it, with a point or a comma; null where it is none. */
export function numberOf(text: string): number | null {
  const plain = text.trim().replace(",", ".");
  return /^[-+]?\d*\.?\d+$/.test(plain) ? Number(plain) : null;
}

function belowTheMiddle(rowPx: number, { heightPx, focalPx, rollDeg }: Picture): number {
  return Math.atan(((rowPx - heightPx / 2) * Math.cos(rollDeg / DEGREES)) / focalPx);
}
