"""Invented drives whose truth is known: a straight road with things on it, seen by a detector with given errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from edge_agent.ego import EgoState, moved
from edge_agent.errors import AboveHorizonError
from edge_agent.readings import FrameReading, Image
from edge_agent.vision.detections import Box, Detections, FromWhole, no_detections
from edge_agent.vision.ground import CameraModel, RoadPoint, road_in_image
from wire.messages import ModelVersion

CAMERA = CameraModel(width_px=320, height_px=240, focal_px=260, height_m=2.5, pitch_deg=14)
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LON, LAT = 120.4, 27.5
MODEL = ModelVersion(name="invented", version="1", sha256="0" * 64)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something on the road, `ahead_m` from where the drive begins."""

    ahead_m: float
    right_m: float = 0.0
    size_m: float = 0.6
    class_code: str = "D40"

    @property
    def place(self) -> tuple[float, float]:
        """Position (lon, lat) of its near edge, of a drive to the north."""
        return moved(lon=LON, lat=LAT, heading_deg=0, forward_m=self.ahead_m, right_m=self.right_m)


def road_image(seed: int = 0) -> Image:
    """A frame that passes the quality gate."""
    grain = np.random.default_rng(seed).integers(60, 180, (CAMERA.height_px, CAMERA.width_px, 3), dtype=np.uint8)
    return cv2.GaussianBlur(grain, (3, 3), 0).astype(np.uint8)


_ROAD = road_image()


def moving_road(number: int) -> Image:
    """A frame of a drive, other than the ones before: one picture all the time would be a camera that hangs."""
    return np.roll(_ROAD, 97 * number, axis=0)


def box_of(thing: Thing, driven_m: float) -> Box | None:
    """Its box when the bus has driven so far, or None when it is not in the frame as a whole."""
    near_m = thing.ahead_m - driven_m
    try:
        corners = [
            road_in_image(CAMERA, RoadPoint(forward_m=forward, right_m=thing.right_m + aside))
            for forward in (near_m, near_m + thing.size_m)
            for aside in (-thing.size_m / 2, thing.size_m / 2)
        ]
    except AboveHorizonError:
        return None
    u, v = np.array(corners).T
    box = np.array([u.min(), v.min(), u.max(), v.max()], np.float32)
    is_inside = box[0] > 0 and box[2] < CAMERA.width_px and box[3] < CAMERA.height_px - 3
    return box if is_inside and near_m < 25 else None


@dataclass(kw_only=True)
class SceneDetector(FromWhole):
    """Sees things with a jitter of their boxes, misses and confusions; told where the bus is before each frame."""

    things: Sequence[Thing]
    seed: int = 0
    jitter_px: float = 0.5
    hit_share: float = 1.0
    confidence: float = 0.6
    confused_share: float = 0.0
    model: ModelVersion = MODEL
    driven_m: float = 0.0
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def detect(self, image: Image) -> Detections:
        found = [(box, self._class(thing)) for thing in self.things if (box := self._box(thing)) is not None]
        if not found:
            return no_detections()
        return Detections(
            boxes=np.stack([box for box, _ in found]).astype(np.float32),
            confidences=np.full(len(found), self.confidence, np.float32),
            class_codes=tuple(code for _, code in found),
        )

    def _box(self, thing: Thing) -> Box | None:
        box = box_of(thing, self.driven_m)
        if box is None or self.rng.random() > self.hit_share:
            return None
        return (box + self.rng.normal(0, self.jitter_px, 4)).astype(np.float32)

    def _class(self, thing: Thing) -> str:
        return "D20" if self.rng.random() < self.confused_share else thing.class_code


def state(driven_m: float, *, speed_mps: float, at: datetime, accuracy_m: float = 1.5) -> EgoState:
    """State of a bus on its way north."""
    lon, lat = moved(lon=LON, lat=LAT, heading_deg=0, forward_m=driven_m, right_m=0)
    return EgoState(at=at, lon=lon, lat=lat, speed_mps=speed_mps, heading_deg=0, accuracy_m=accuracy_m)


def drive(
    *, speed_mps: float, length_m: float, frames_per_s: float = 8.0, begin: datetime = START
) -> Iterator[tuple[FrameReading, EgoState, float]]:
    """Frames with the bus's true state and the way driven."""
    for i in range(int(length_m / speed_mps * frames_per_s)):
        at = begin + timedelta(seconds=i / frames_per_s)
        driven_m = speed_mps * i / frames_per_s
        yield (
            FrameReading(at=at, camera_id="front", image=moving_road(i)),
            state(driven_m, speed_mps=speed_mps, at=at),
            driven_m,
        )
