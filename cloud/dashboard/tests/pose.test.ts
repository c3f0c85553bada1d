import { describe, expect, it } from "vitest";

import { checkPose, distanceOfRow, faultsOf, focalOfMark, horizonOfPitch, numberOf, pitchOfHorizon, pitchOfMark, poseOf, type Picture } from "../src/fleet/pose";

/** Computed with `edge_agent.vision.ground`: `CameraModel.horizon_px`, and `pixel_on_road` in the middle column. */
const KNOWN: { name: string; picture: Picture; heightM: number; pitchDeg: number; horizonPx: number; rows: [number, number][] }[] = [
  {
    name: "looking down",
    picture: { heightPx: 1080, focalPx: 1400, rollDeg: 0 },
    heightM: 2.5,
    pitchDeg: 9.5,
    horizonPx: 305.7203472860126,
    rows: [[594, 12.062622925469077], [756, 7.5722608617667095], [1026, 4.576942743758357], [866.3019242243497, 6], [651.0735143626887, 10]],
  },
  {
    name: "looking up, turned by 4 degrees",
    picture: { heightPx: 720, focalPx: 900, rollDeg: 4 },
    heightM: 1.8,
    pitchDeg: -2,
    horizonPx: 391.5054382065864,
    rows: [[396, 361.81919739932437], [504, 14.516322498705632], [684, 5.62171705886435], [665.3638124805291, 6], [555.1275464283933, 10]],
  },
];

describe.each(KNOWN)("a camera $name", ({ picture, heightM, pitchDeg, horizonPx, rows }) => {
  it("has the pitch of its horizon, and the horizon of its pitch", () => {
    expect(pitchOfHorizon(horizonPx, picture)).toBeCloseTo(pitchDeg, 9);
    expect(horizonOfPitch(pitchDeg, picture)).toBeCloseTo(horizonPx, 9);
  });

  it.each(rows)("sees at row %d the road %d m ahead, as the bus computes it", (rowPx, distanceM) => {
    expect((distanceOfRow(rowPx, pitchDeg, heightM, picture) ?? 0) / distanceM).toBeCloseTo(1, 6);
    expect(pitchOfMark({ rowPx, distanceM }, heightM, picture)).toBeCloseTo(pitchDeg, 6);
    expect(focalOfMark({ rowPx, distanceM }, horizonPx, heightM, picture) ?? 0).toBeCloseTo(picture.focalPx, 2);
  });

  it("sees no road at the horizon and above", () => {
    expect(distanceOfRow(horizonPx, pitchDeg, heightM, picture)).toBeNull();
    expect(distanceOfRow(horizonPx - 1, pitchDeg, heightM, picture)).toBeNull();
  });
});

describe("the check by a known distance", () => {
  const [{ picture, heightM, pitchDeg }] = KNOWN as [typeof KNOWN[number]];

  it("confirms a pose within five percent", () => {
    expect(checkPose({ rowPx: 866.3, distanceM: 6.2 }, pitchDeg, heightM, picture)).toMatchObject({ isConfirmed: true });
    expect(checkPose({ rowPx: 866.3, distanceM: 6.5 }, pitchDeg, heightM, picture)).toMatchObject({ isConfirmed: false });
  });

  it("tells by how much the pose is off, and the corrected pitch takes that away", () => {
    const mark = { rowPx: 866.3019242243497, distanceM: 7 };
    expect(checkPose(mark, pitchDeg, heightM, picture).offM).toBeCloseTo(-1, 6);
    expect(checkPose(mark, pitchOfMark(mark, heightM, picture), heightM, picture).offM).toBeCloseTo(0, 9);
  });

  it("says so when the pose sees no road there", () => {
    expect(checkPose({ rowPx: 100, distanceM: 6 }, pitchDeg, heightM, picture)).toEqual({ distanceM: null, offM: null, isConfirmed: false });
  });

  it("finds no focal length for a mark that is not below the horizon", () => {
    expect(focalOfMark({ rowPx: 300, distanceM: 6 }, 305, 2.5, picture)).toBeNull();
    expect(focalOfMark({ rowPx: 1000, distanceM: 0.1 }, 900, 2.5, picture)).toBeNull();
  });
});

describe("what is written", () => {
  it.each([["1.5", 1.5], [" 2,35 ", 2.35], ["-4", -4], [".5", 0.5], ["", null], ["1.2.3", null], ["1e3", null], ["x", null]])("%j is %j", (text, value) => {
    expect(numberOf(text)).toBe(value);
  });

  it("must be complete and possible", () => {
    expect(faultsOf({ height_m: 2.5, focal_px: 1400, pitch_deg: 9.5 })).toEqual([]);
    expect(faultsOf({ height_m: null, focal_px: 0, pitch_deg: 80 })).toEqual(["height_m", "focal_px", "pitch_deg"]);
    expect(faultsOf({ height_m: 25, focal_px: 1400, pitch_deg: -45 })).toEqual(["height_m", "pitch_deg"]);
  });

  it("is taken out of a twin, and nothing else", () => {
    expect(poseOf({ "camera.pitch_deg": 9.5, "camera.roll_deg": 1, "camera.source": "x", "package.model": "ab" })).toEqual({ pitch_deg: 9.5, roll_deg: 1 });
  });
});
