"""A detector that is wrong as often as a real one: it is told what a picture shows and forgets, shifts and invents."""

import hashlib
import json
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, no_detections
from edge_agent.vision.ground import CameraModel
from simulator.drawn import DrawnDefect, box_of
from simulator.frames import Shown
from simulator.route import Pose
from simulator.truth import CLASS_CODES
from wire.messages import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """How often and how far a detector is wrong.

    The defaults stand for a middling detector: of RDD2022's best, F1 0.7 to 0.76 a picture; misses and false alarms of
    successive frames hang together, so the first ones are drawn once per pass.
    """

    hit_in_pass: Mapping[str, float] = field(default_factory=lambda: {"D00": 0.75, "D10": 0.8, "D20": 0.85, "D40": 0.9})
    hit_in_frame: float = 0.85  # in a pass that has one
    false_alarms_per_km: float = 0.8
    box_sigma_share: float = 0.05  # of the box's side
    hit_confidence: tuple[float, float] = (9.0, 3.0)  # beta distribution
    false_confidence: tuple[float, float] = (4.0, 5.0)


STRETCH_M: Final = 50.0  # false alarms are thrown per stretch of this length
PHANTOM_SIZE_M: Final = 0.8


class ErrorModelDetector:
    """A `Detector` of the agent for buses that only pretend to look."""

    def __init__(self, *, camera: CameraModel, rng: np.random.Generator, errors: ErrorModel | None = None) -> None:
        """Take a camera, to know where a phantom would stand in the picture."""
        self._camera, self._rng = camera, rng
        self._errors = errors or ErrorModel()
        self._shown: dict[int, tuple[Shown, ...]] = {}
        self._is_hit: dict[tuple[str, int], bool] = {}
        self._phantoms: dict[tuple[int, int], tuple[DrawnDefect, float] | None] = {}
        sha256 = hashlib.sha256(json.dumps(asdict(self._errors), sort_keys=True).encode()).hexdigest()
        self.model = ModelVersion(name="error-model", version="1.0.0", sha256=sha256)

    @property
    def remembered(self) -> int:
        """Number of living pictures that show something."""
        return len(self._shown)

    def remember(self, image: Image, pose: Pose, shown: tuple[Shown, ...]) -> None:
        """Note what a picture shows, for as long as the picture lives."""
        seen = tuple(self._seen(pose, shown))
        self._shown[id(image)] = seen
        if seen:
            weakref.finalize(image, self._shown.pop, id(image), None).atexit = False

    def detect(self, image: Image) -> Detections:
        shown = self._shown.get(id(image), ())
        if not shown:
            return no_detections()
        sides = np.array([item.box_xyxy_px for item in shown], np.float32)
        size = np.tile(sides[:, 2:] - sides[:, :2], 2)
        boxes = sides + size * self._rng.normal(0, self._errors.box_sigma_share, sides.shape).astype(np.float32)
        scores = [self._confidence(is_real=bool(item.defect_id)) for item in shown]
        order = np.argsort(scores)[::-1]
        return Detections(
            boxes=np.clip(boxes[order], 0, [self._camera.width_px, self._camera.height_px] * 2).astype(np.float32),
            confidences=np.array(scores, np.float32)[order],
            class_codes=tuple(shown[int(index)].class_code for index in order),
        )

    def _confidence(self, *, is_real: bool) -> float:
        return float(self._rng.beta(*(self._errors.hit_confidence if is_real else self._errors.false_confidence)))

    def _seen(self, pose: Pose, shown: tuple[Shown, ...]) -> Iterator[Shown]:
        for item in shown:
            if self._hits(item, pose.lap) and self._rng.random() < self._errors.hit_in_frame:
                yield item
        yield from self._false_alarms(pose)

    def _hits(self, item: Shown, lap: int) -> bool:
        key = item.defect_id, lap
        if key not in self._is_hit:
            self._is_hit[key] = bool(self._rng.random() < self._errors.hit_in_pass.get(item.class_code, 0.0))
        return self._is_hit[key]

    def _false_alarms(self, pose: Pose) -> Iterator[Shown]:
        """Phantoms stand still on the road for one pass."""
        stretch = int(pose.along_m // STRETCH_M)
        for number in (stretch, stretch + 1):
            phantom = self._phantom(pose.lap, number)
            if phantom is None:
                continue
            defect, along_m = phantom
            ahead = DrawnDefect(
                class_code=defect.class_code,
                forward_m=along_m - pose.along_m,
                right_m=defect.right_m,
                length_m=defect.length_m,
                width_m=defect.width_m,
                seed=defect.seed,
            )
            box = box_of(self._camera, ahead) if ahead.forward_m > 0 else None
            if box is not None:
                yield Shown(defect_id="", class_code=defect.class_code, box_xyxy_px=box.box_xyxy_px)

    def _phantom(self, lap: int, stretch: int) -> tuple[DrawnDefect, float] | None:
        key = lap, stretch
        if key not in self._phantoms:
            is_there = self._rng.random() < self._errors.false_alarms_per_km * STRETCH_M / 1000
            self._phantoms[key] = self._invent(stretch) if is_there else None
        return self._phantoms[key]

    def _invent(self, stretch: int) -> tuple[DrawnDefect, float]:
        defect = DrawnDefect(
            class_code=str(self._rng.choice(CLASS_CODES)),
            forward_m=0.0,
            right_m=float(self._rng.uniform(-1.2, 1.2)),
            length_m=PHANTOM_SIZE_M,
            width_m=PHANTOM_SIZE_M,
            seed=int(self._rng.integers(1000)),
        )
        return defect, float((stretch + self._rng.random()) * STRETCH_M)
