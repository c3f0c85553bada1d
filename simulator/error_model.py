"""A detector that is wrong as often as a real one: it is told what a picture shows and forgets, shifts and invents."""

import hashlib
import json
import math
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, FromWhole, no_detections
from edge_agent.vision.ground import CameraModel
from simulator.drawn import DrawnDefect, box_of
from simulator.frames import Shown
from simulator.route import Pose
from simulator.truth import CLASS_CODES
from wire.error_model import ErrorModel as Measured
from wire.error_model import Quality
from wire.looks import AGAIN, PATCH_SHARE
from wire.messages import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """How often and how far a detector is wrong.

    Made up, for detectors of which nothing was measured. The defaults stand for a middling one: of RDD2022's best, F1
    0.7 to 0.76 a picture; misses and false alarms of successive frames hang together, so the first ones are drawn once
    per pass.
    """

    hit_in_pass: Mapping[str, float] = field(default_factory=lambda: {"D00": 0.75, "D10": 0.8, "D20": 0.85, "D40": 0.9})
    hit_in_frame: float = 0.85  # in a pass that has one
    false_alarms_per_km: float = 0.8
    box_sigma_share: float = 0.05  # of the box's side
    hit_confidence: tuple[float, float] = (9.0, 3.0)  # beta distribution
    false_confidence: tuple[float, float] = (4.0, 5.0)


CORRELATION: Final = 0.25  # of the mistakes of two pictures of one pass; who sums them up assumes more
VIEW_M: Final = 14.0  # of road in one picture
STRETCH_M: Final = 50.0  # false alarms are thrown per stretch of this length
PHANTOM_SIZE_M: Final = 0.8  # where nobody measured how large they are in the picture
PHANTOM_FROM_M, PHANTOM_TO_M = 4.0, 18.0  # somewhere here it is as large as one that was measured
SMALLEST_PHANTOM_M, LARGEST_PHANTOM_M = 0.1, 4.0  # within a lane


class ErrorModelDetector(FromWhole):
    """A `Detector` of the agent for buses that only pretend to look."""

    def __init__(
        self,
        *,
        camera: CameraModel,
        rng: np.random.Generator,
        errors: ErrorModel | None = None,
        measured: Measured | None = None,
    ) -> None:
        """Take a camera, to know where a phantom would stand in the picture.

        What was `measured` of a real model counts; without it the made-up `errors` do.
        """
        self._camera, self._rng, self._measured = camera, rng, measured
        self._errors = errors or ErrorModel()
        self._luck: dict[tuple[str, int], float] = {}
        self._shown: dict[int, tuple[Shown, ...]] = {}
        self._is_hit: dict[tuple[str, int], bool] = {}
        self._phantoms: dict[tuple[int, int], tuple[DrawnDefect, float] | None] = {}
        sha256 = hashlib.sha256(json.dumps(asdict(self._errors), sort_keys=True).encode()).hexdigest()
        made_up = ModelVersion(name="error-model", version="1.0.0", sha256=sha256)
        self.model = made_up if measured is None else measured.model

    @property
    def remembered(self) -> int:
        """Number of living pictures that show something."""
        return len(self._shown)

    def remember(self, image: Image, pose: Pose, shown: tuple[Shown, ...], *, quality: Quality = "good") -> None:
        """Note what a picture shows, for as long as the picture lives."""
        seen = tuple(self._seen(pose, shown, quality))
        self._shown[id(image)] = seen
        if seen:
            weakref.finalize(image, self._shown.pop, id(image), None).atexit = False

    def detect(self, image: Image) -> Detections:
        shown = self._shown.get(id(image), ())
        if not shown:
            return no_detections()
        sides = np.array([item.box_xyxy_px for item in shown], np.float32)
        size = np.tile(sides[:, 2:] - sides[:, :2], 2)
        sigmas = np.array([[self._box_sigma_share(item.class_code)] for item in shown])
        boxes = sides + size * (sigmas * self._rng.normal(0, 1, sides.shape)).astype(np.float32)
        scores = [self._confidence(item.class_code, is_real=bool(item.defect_id)) for item in shown]
        order = np.argsort(scores)[::-1]
        return Detections(
            boxes=np.clip(boxes[order], 0, [self._camera.width_px, self._camera.height_px] * 2).astype(np.float32),
            confidences=np.array(scores, np.float32)[order],
            class_codes=tuple(shown[int(index)].class_code for index in order),
        )

    def _box_sigma_share(self, class_code: str) -> float:
        return self._errors.box_sigma_share if self._measured is None else self._measured.box_sigma_share[class_code]

    def _confidence(self, class_code: str, *, is_real: bool) -> float:
        if self._measured is not None:
            measured = self._measured.confidence[class_code]
            return float(self._rng.beta(*(measured.hit if is_real else measured.false_alarm)))
        return float(self._rng.beta(*(self._errors.hit_confidence if is_real else self._errors.false_confidence)))

    def _seen(self, pose: Pose, shown: tuple[Shown, ...], quality: Quality) -> Iterator[Shown]:
        for item in shown:
            if self._is_seen(item, pose.lap, quality):
                yield item
        yield from self._false_alarms(pose, quality)

    def _is_seen(self, item: Shown, lap: int, quality: Quality) -> bool:
        if self._measured is None:
            return self._hits(item, lap) and bool(self._rng.random() < self._errors.hit_in_frame)
        left, top, right, bottom = item.box_xyxy_px
        rate = self._measured.hit_rate(item.class_code, width_px=right - left, height_px=bottom - top, quality=quality)
        luck = self._luck.setdefault((item.defect_id, lap), float(self._rng.random()))
        return (luck if self._rng.random() < math.sqrt(CORRELATION) else self._rng.random()) < rate

    def _hits(self, item: Shown, lap: int) -> bool:
        key = item.defect_id, lap
        if key not in self._is_hit:
            self._is_hit[key] = bool(self._rng.random() < self._errors.hit_in_pass.get(item.class_code, 0.0))
        return self._is_hit[key]

    def _false_alarms(self, pose: Pose, quality: Quality) -> Iterator[Shown]:
        """Phantoms stand still on the road for one pass."""
        stretch = int(pose.along_m // STRETCH_M)
        for number in (stretch, stretch + 1):
            phantom = self._phantom(pose.lap, number, quality)
            if phantom is None or (self._measured is not None and self._rng.random() > AGAIN):
                continue
            defect, along_m = phantom
            ahead = replace(defect, forward_m=along_m - pose.along_m)
            box = box_of(self._camera, ahead) if ahead.forward_m > 0 else None
            if box is not None:
                yield Shown(defect_id="", class_code=defect.class_code, box_xyxy_px=box.box_xyxy_px, is_damage=False)

    def _phantom(self, lap: int, stretch: int, quality: Quality) -> tuple[DrawnDefect, float] | None:
        key = lap, stretch
        if key not in self._phantoms:
            is_there = self._rng.random() < self._phantoms_per_km(quality) * STRETCH_M / 1000
            self._phantoms[key] = self._invent(stretch, quality) if is_there else None
        return self._phantoms[key]

    def _phantoms_per_km(self, quality: Quality) -> float:
        """Of patches, as many as make their share of the measured boxes in a picture; the others are left out."""
        if self._measured is None:
            return self._errors.false_alarms_per_km
        return sum(self._false_alarm_rates(quality)) * PATCH_SHARE / AGAIN / VIEW_M * 1000

    def _false_alarm_rates(self, quality: Quality) -> list[float]:
        measured = self._measured
        if measured is None:
            return []
        return [measured.false_alarms_per_picture(code, quality=quality) for code in measured.classes]

    def _phantom_class(self, quality: Quality) -> str:
        if self._measured is None:
            return str(self._rng.choice(CLASS_CODES))
        rates = np.array(self._false_alarm_rates(quality))
        return str(self._rng.choice(self._measured.classes, p=rates / rates.sum()))

    def _invent(self, stretch: int, quality: Quality) -> tuple[DrawnDefect, float]:
        class_code = self._phantom_class(quality)
        right_m = float(self._rng.uniform(-1.2, 1.2))
        size_m = self._phantom_size_m(class_code)
        defect = DrawnDefect(
            class_code=class_code,
            forward_m=0.0,
            right_m=right_m,
            length_m=size_m,
            width_m=size_m,
            seed=int(self._rng.integers(1000)),
        )
        return defect, float((stretch + self._rng.random()) * STRETCH_M)

    def _phantom_size_m(self, class_code: str) -> float:
        """So large that somewhere on the way its side in the picture is one that was measured."""
        sides = () if self._measured is None else self._measured.false_alarm_middles_px(class_code)
        if not sides:
            return PHANTOM_SIZE_M
        side_px, away_m = float(self._rng.choice(sides)), float(self._rng.uniform(PHANTOM_FROM_M, PHANTOM_TO_M))
        # A square flat on the road is focal/d wide and focal*height/d^2 high in the picture.
        size_m = side_px * away_m**1.5 / (self._camera.focal_px * math.sqrt(self._camera.height_m))
        return round(min(max(size_m, SMALLEST_PHANTOM_M), LARGEST_PHANTOM_M), 1)
