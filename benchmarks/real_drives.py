"""The two recordings of real drives, which come without a receiver: the road itself shows the motion."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.config import Model
from edge_agent.ego import EgoState, Step, moved, step_between
from edge_agent.readings import FrameReading, Image
from edge_agent.scenarios.road_damage.known_errors import read_known_errors
from edge_agent.scenarios.road_damage.look import Look, are_akin, look_at
from edge_agent.scenarios.road_damage.motion import Motion
from edge_agent.scenarios.road_damage.track import Track
from edge_agent.scenarios.road_damage.tracker import Tracker
from edge_agent.vision.detections import Box, Detector, overlaps
from edge_agent.vision.ground import CameraModel, GroundErrors
from edge_agent.vision.horizon import direction_of, vanishing_point
from edge_agent.vision.road_motion import flat_grey, road_shift
from edge_agent.vision.view import View, view_of

BEGIN: Final = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
# Neither camera's data are published: usual angles of view; the pitch is where the road's lines meet.
MOTORWAY: Final = CameraModel(width_px=640, height_px=360, focal_px=575.0, height_m=1.3, pitch_deg=-2.3)
MOTORWAY_MPS: Final = 13.5
"""The car does about 27 m/s at 25 frames a second: half of both is the same road in the same frames."""
MOTORWAY_FRAMES_PER_S: Final = 12.5
CHIBA: Final = CameraModel(width_px=480, height_px=480, focal_px=416.0, height_m=1.3, pitch_deg=-7.0)
CHIBA_WAYS_M: Final = tuple(np.arange(0.0, 14.0, 1.5).tolist())
CHIBA_MPS: Final = 6.0  # where the road does not show it
CHIBA_DAY: Final = datetime(2017, 9, 25, tzinfo=UTC)
MAX_GAP_S: Final = 2.0
INLIERS: Final = 25
MOVED_PX: Final = 4.0  # what moves less is the bonnet or what the pane mirrors, or the car stands
MIN_IOU: Final = 0.3


def motorway(data: Path, detector: Detector) -> dict[str, float]:
    """Confirmed observations on a road without damage."""
    paths = sorted((data / "drive" / "frames").glob("*.jpg"))
    tracker, view = _tracker(MOTORWAY)
    motion, told, boxes, before = Motion(MOTORWAY, near_m=view.near_m), list[Track](), 0, None
    for number, path in enumerate(paths):
        ego = _state(MOTORWAY_MPS * number / MOTORWAY_FRAMES_PER_S, MOTORWAY_MPS, number / MOTORWAY_FRAMES_PER_S)
        frame = FrameReading(at=ego.at, camera_id="front", image=_read(path))
        step = motion.step(frame.image, ego)
        told += [] if before is None or step is None else tracker.move(step, speed_mps=ego.speed_mps)
        looks = _looks(frame, ego, detector, MOTORWAY)
        tracker.see(looks)
        boxes, before = boxes + len(looks), ego
    return {"frames": len(paths), "boxes": boxes, "observations": len(told + tracker.end())}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """A look of one frame with the track that took it."""

    look: Look
    track: Track


def chiba(data: Path, detector: Detector) -> dict[str, float]:
    """Boxes, observations, and of the boxes that a homography lays upon each other the share in two tracks."""
    frames = list(_chiba_frames(data))
    camera = _levelled(CHIBA, [image for image, _ in frames])
    told, boxes, same, torn, joined = 0, 0, 0, 0, 0
    for run in _runs(frames):
        tracks, seen = _follow(run, detector, camera)
        told += len(tracks)
        boxes += sum(len(each) for each in seen)
        for (image, _), (after, _), first, second in zip(run, run[1:], seen, seen[1:], strict=False):
            pairs = _same_boxes(image, after, first, second)
            same += len(pairs)
            torn += sum(a.track is not b.track for a, b in pairs)
            joined += sum(any(a.track is b.track for a in first) for b in second)
    return {
        "frames": len(frames),
        "boxes": boxes,
        "observations": told,
        "joined_with_frame_before": joined,
        "same_by_homography": same,
        "of_them_in_two_tracks": torn,
    }


def _follow(
    run: Sequence[tuple[Image, float]], detector: Detector, camera: CameraModel
) -> tuple[list[Track], list[list[_Seen]]]:
    tracker, view = _tracker(camera)
    told, seen = list[Track](), list[list[_Seen]]()
    before, way_m = None, 0.0
    for image, at_s in run:
        if before is not None:
            step = _step(before, (image, at_s), camera, view)
            way_m += step.forward_m
            told += tracker.move(step, speed_mps=step.forward_m / step.passed_s)
        before = image, at_s
        ego = _state(way_m, CHIBA_MPS, at_s)
        frame = FrameReading(at=ego.at, camera_id="front", image=image)
        looks = _looks(frame, ego, detector, camera)
        tracker.see(looks)
        taken = product(tracker.tracks, looks)
        seen.append([_Seen(look=look, track=track) for track, look in taken if track.last.box is look.box])
    return told + tracker.end(), seen


def _step(before: tuple[Image, float], after: tuple[Image, float], camera: CameraModel, view: View) -> Step:
    passed_s = after[1] - before[1]
    guess = step_between(_state(0.0, CHIBA_MPS, 0.0), _state(0.0, CHIBA_MPS, passed_s))
    shift = road_shift(
        flat_grey(before[0], camera),
        flat_grey(after[0], camera),
        camera=camera,
        near_m=view.near_m,
        ways_m=CHIBA_WAYS_M,
    )
    if shift is None:
        return replace(guess, sigma_m=CHIBA_MPS / 2)
    return replace(guess, forward_m=shift.forward_m, right_m=shift.right_m, sigma_m=0.3)


def _same_boxes(
    image: Image, after: Image, first: Sequence[_Seen], second: Sequence[_Seen]
) -> list[tuple[_Seen, _Seen]]:
    """Pairs of boxes of akin classes that a homography of the road lays upon each other."""
    homography = _homography(image, after) if first and second else None
    if homography is None:
        return []
    return [
        (a, b)
        for a in first
        for b in second
        if are_akin(a.look.class_code, b.look.class_code)
        and _iou(_warped(a.look.box, homography), b.look.box) >= MIN_IOU
    ]


def _homography(image: Image, after: Image) -> NDArray[np.float64] | None:
    orb = cv2.ORB.create(nfeatures=2000)
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[int(0.62 * image.shape[0]) :] = 255
    found = [orb.detectAndCompute(each, mask) for each in (image, after)]
    (points, signs), (points_after, signs_after) = found
    if len(points) < INLIERS or len(points_after) < INLIERS:
        return None
    matches = cv2.BFMatcher.create(cv2.NORM_HAMMING, crossCheck=True).match(signs, signs_after)
    if len(matches) < INLIERS:
        return None
    source = np.array([points[match.queryIdx].pt for match in matches], np.float64)
    target = np.array([points_after[match.trainIdx].pt for match in matches], np.float64)
    is_road = np.hypot(*(target - source).T) >= MOVED_PX
    source, target = source[is_road], target[is_road]
    if len(source) < INLIERS:
        return None
    homography, inliers = cv2.findHomography(source, target, cv2.RANSAC, 3.0)
    if homography is None or int(inliers.sum()) < INLIERS:  # pyright: ignore[reportUnnecessaryComparison]
        return None
    return np.asarray(homography, np.float64)


def _warped(box: Box, homography: NDArray[np.float64]) -> Box:
    corners = np.array([[box[i], box[j], 1.0] for i in (0, 2) for j in (1, 3)]) @ homography.T
    u, v = (corners[:, :2] / corners[:, 2:]).T
    return np.array([u.min(), v.min(), u.max(), v.max()], np.float32)


def _iou(box: Box, other: Box) -> float:
    iou, _ = overlaps(box[None], other[None])
    return float(iou[0, 0])


def _looks(frame: FrameReading, ego: EgoState, detector: Detector, camera: CameraModel) -> list[Look]:
    found = detector.detect(frame.image)
    looks = [
        look_at(
            frame,
            box,
            class_code=code,
            confidence=float(confidence),
            ego=ego,
            camera=camera,
            errors=GroundErrors(pitch_deg=1.0),
        )
        for box, confidence, code in zip(found.boxes, found.confidences, found.class_codes, strict=True)
    ]
    return [look for look in looks if look is not None]


def _tracker(camera: CameraModel) -> tuple[Tracker, View]:
    view = view_of(camera)
    known = read_known_errors(Model().manifest, camera)
    return Tracker(camera, near_m=view.near_m, far_m=view.far_m, odds=known.odds), view


def _levelled(camera: CameraModel, images: Sequence[Image]) -> CameraModel:
    """The camera with the pitch at which the road's lines meet in the frames at large."""
    points = [vanishing_point(flat_grey(image, camera), camera) for image in images]
    found = np.array([direction_of(camera, point) for point in points if point is not None])
    pitch_deg, yaw_deg = np.median(found, axis=0).tolist()
    return replace(camera, pitch_deg=pitch_deg, yaw_deg=yaw_deg)


def _chiba_frames(data: Path) -> Iterator[tuple[Image, float]]:
    folder = data / "drive" / "chiba"
    for entry in json.loads((folder / "index.json").read_text(encoding="utf-8"))["frames"]:
        at = datetime.fromisoformat(entry["local_time"]).replace(tzinfo=UTC)
        yield _read(folder / entry["file_name"]), (at - CHIBA_DAY).total_seconds()


def _runs(frames: Sequence[tuple[Image, float]]) -> Iterator[list[tuple[Image, float]]]:
    """Stretches of frames without a long gap."""
    run = [frames[0]]
    for before, here in pairwise(frames):
        if not 0 < here[1] - before[1] <= MAX_GAP_S:
            yield run
            run = []
        run.append(here)
    yield run


def _state(way_m: float, speed_mps: float, at_s: float) -> EgoState:
    lon, lat = moved(lon=140.1, lat=35.6, heading_deg=0.0, forward_m=way_m, right_m=0.0)
    at = BEGIN + timedelta(seconds=at_s)
    return EgoState(at=at, lon=lon, lat=lat, speed_mps=speed_mps, heading_deg=0.0, accuracy_m=3.0)


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(path)
    return image.astype(np.uint8, copy=False)
