"""Drives through the invented town, faster than real time and without a network: the real scenario, the truth known."""

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from edge_agent.ego import EgoState, EgoTrack
from edge_agent.readings import FrameReading, Image
from edge_agent.scenarios.road_damage.known_errors import KnownErrors
from edge_agent.scenarios.road_damage.scenario import RoadDamage
from edge_agent.vision.detections import Detections, Detector, covered
from edge_agent.vision.ground import CameraModel
from simulator.drawn import DrawnDefect, box_of
from simulator.error_model import ErrorModelDetector
from simulator.frames import FARTHEST_M, Look, Scenery, Shown, cheap_road, defects_ahead
from simulator.gnss import Gnss, GnssQuality
from simulator.photos import Box
from simulator.route import Line, Pose
from simulator.truth import Defect, Truth
from simulator.world import World
from wire.messages import Detection, ModelVersion

BEGIN: Final = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FIXES_PER_S: Final = 4.0
LEAST_FRAMES: Final = 2  # a defect that was in the picture less often cannot be missed
PIECE_SHARE: Final = 0.3  # of the frames, in which a crack comes in two pieces
CRACK_PX: Final = 30.0
PICTURED_SHARE: Final = 0.3  # of an observation's box that the defect's box covers: of a piece of a crack nearly all


class BlankScenery:
    """What `DrawnScenery` shows, on clean road always: for detectors that do not look at the picture."""

    def __init__(self, truth: Truth, camera: CameraModel) -> None:
        self.camera, self._truth = camera, truth

    def look(self, line: Line, pose: Pose, *, cheap: bool) -> Look:
        del cheap
        ahead = [d for d in defects_ahead(self._truth.on_line(line.id), pose) if d.along_m - pose.along_m <= FARTHEST_M]
        boxes = [(defect, box_of(self.camera, before(defect, pose))) for defect in ahead]
        return Look(
            image=cheap_road(self.camera, 0, pose.along_m).copy(),
            shown=tuple(
                Shown(defect_id=defect.id, class_code=defect.class_code, box_xyxy_px=box.box_xyxy_px)
                for defect, box in boxes
                if box is not None
            ),
        )


def before(defect: Defect, pose: Pose) -> DrawnDefect:
    """The defect as it lies before a bus on the same line."""
    return DrawnDefect(
        class_code=defect.class_code,
        forward_m=defect.along_m - pose.along_m + defect.length_m / 2,
        right_m=defect.right_m,
        length_m=defect.length_m,
        width_m=defect.width_m,
        seed=defect.seed,
    )


@dataclass(kw_only=True, eq=False)
class Splitting:
    """A detector that often gives one long crack as two pieces."""

    inner: Detector
    rng: np.random.Generator

    @property
    def model(self) -> ModelVersion:
        return self.inner.model

    def prepare(self, image: Image) -> None:
        self.inner.prepare(image)

    def detect(self, image: Image) -> Detections:
        found = self.inner.detect(image)
        rows = list(zip(found.boxes, found.confidences, found.class_codes, strict=True))
        parts = [(part, confidence, code) for box, confidence, code in rows for part in self._parts(box, code)]
        if not parts:
            return found
        return Detections(
            boxes=np.stack([part for part, _, _ in parts]).astype(np.float32),
            confidences=np.array([confidence for _, confidence, _ in parts], np.float32),
            class_codes=tuple(code for _, _, code in parts),
        )

    def _parts(self, box: np.ndarray, code: str) -> list[np.ndarray]:
        left, top, right, bottom = box.tolist()
        if code == "D40" or max(right - left, bottom - top) < CRACK_PX or self.rng.random() > PIECE_SHARE:
            return [box]
        share = self.rng.uniform(0.35, 0.65)
        if bottom - top > right - left:
            cut = top + share * (bottom - top)
            return [np.array([left, cut + 1, right, bottom]), np.array([left, top, right, cut - 1])]
        cut = left + share * (right - left)
        return [np.array([left, top, cut - 1, bottom]), np.array([cut + 1, top, right, bottom])]


@dataclass(kw_only=True)
class Driven:
    """What one pass gave."""

    observations: list[Detection] = field(default_factory=list[Detection])
    frames: int = 0
    boxes: int = 0
    in_view: dict[str, int] = field(default_factory=dict[str, int])  # frames that showed a defect
    shown: dict[datetime, tuple[Shown, ...]] = field(default_factory=dict[datetime, tuple[Shown, ...]])

    @property
    def exposed(self) -> AbstractSet[str]:
        return {name for name, frames in self.in_view.items() if frames >= LEAST_FRAMES}

    def pictured(self) -> list[str | None]:
        """Of each observation the defect that its own picture shows under its box; None: no defect."""
        return [defect_under(each.box_xyxy_px, self.shown[each.observed_at]) for each in self.observations]


def defect_under(box_px: Box, shown: Sequence[Shown]) -> str | None:
    """The defect of a frame that a box shows; None if it shows something else."""
    if not shown:
        return None
    own, boxes = np.array([box_px], np.float32), np.array([each.box_xyxy_px for each in shown], np.float32)
    shares = covered(own, boxes)[0]
    most = int(np.argmax(shares))
    return shown[most].defect_id if shares[most] >= PICTURED_SHARE else None


def pass_over(
    world: World,
    line_number: int,
    detector: Detector,
    *,
    scenery: Scenery,
    rng: np.random.Generator,
    frames_per_s: float,
    quality: GnssQuality | None = None,
    known: KnownErrors | None = None,
    for_s: float = math.inf,
) -> Driven:
    """Drive one lap of a line, or its first seconds."""
    driven = Driven()

    def note(_reason: object, boxes: int) -> None:
        driven.frames += 1
        driven.boxes += boxes

    roads = RoadDamage(detector, camera=scenery.camera, camera_id="front", stretch_m=100.0, on_frame=note, known=known)
    line = world.lines[line_number]
    for pose, ego, at in _states(world, line_number, rng, frames_per_s=frames_per_s, quality=quality):
        if (at - BEGIN).total_seconds() > for_s:
            break
        look = scenery.look(line, pose, cheap=False)
        if isinstance(detector, ErrorModelDetector | _Remembers):
            detector.remember(look.image, pose, look.shown)
        driven.shown[at] = look.shown
        for shown in look.shown:
            driven.in_view[shown.defect_id] = driven.in_view.get(shown.defect_id, 0) + 1
        frame = FrameReading(at=at, camera_id="front", image=look.image)
        _keep(driven, roads.take(frame, ego))
    _keep(driven, roads.end())
    return driven


class _Remembers(Splitting):
    """Splits what an error-model detector finds."""

    def remember(self, image: Image, pose: Pose, shown: tuple[Shown, ...]) -> None:
        if isinstance(self.inner, ErrorModelDetector):
            self.inner.remember(image, pose, shown)


def splitting(inner: ErrorModelDetector, rng: np.random.Generator) -> Splitting:
    return _Remembers(inner=inner, rng=rng)


def _keep(driven: Driven, sights: Sequence[object]) -> None:
    messages = [getattr(sight, "message", None) for sight in sights]
    driven.observations += [message for message in messages if isinstance(message, Detection)]


def _states(
    world: World,
    line_number: int,
    rng: np.random.Generator,
    *,
    frames_per_s: float,
    quality: GnssQuality | None,
) -> Iterator[tuple[Pose, EgoState | None, datetime]]:
    """True pose, what the receiver makes of it, and time of each frame of a lap."""
    motion, gnss, track = world.motions[line_number], Gnss(plane=world.town.plane, rng=rng, quality=quality), EgoTrack()
    next_fix_s = 0.0
    for number in range(int(motion.lap_s * frames_per_s)):
        frame_s = number / frames_per_s
        while next_fix_s <= frame_s + 1 / FIXES_PER_S:
            fix = gnss.fix(motion.pose(next_fix_s), at=_at(next_fix_s), elapsed_s=1 / FIXES_PER_S)
            if fix is not None:
                track.add(fix)
            next_fix_s += 1 / FIXES_PER_S
        yield motion.pose(frame_s), track.state_at(_at(frame_s)), _at(frame_s)


def _at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)
