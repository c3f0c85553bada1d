"""Drawn scenes with known damage, as many as wanted: a share of the training set and a test of its own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from models.road_damage.coco import Photo
from simulator.drawn import DrawnDefect, draw_frame

CLASSES = ("D00", "D10", "D20", "D40")
WIDTH_PX, HEIGHT_PX = 640, 384
EMPTY_SHARE = 0.25  # of the scenes: clean road with its clutter


@dataclass(frozen=True, slots=True, eq=False)
class DrawnScene:
    image: Image
    boxes: NDArray[np.float32]  # (n, 4) xyxy px
    labels: NDArray[np.int64]  # (n,) index into CLASSES

    def as_photo(self, name: str) -> Photo:
        """Its truth in the form of a photo's."""
        height, width = self.image.shape[:2]
        return Photo(
            path=Path(name),
            width_px=width,
            height_px=height,
            source="drawn",
            scene=name,
            boxes=self.boxes,
            labels=self.labels,
            is_labelled=np.ones(len(CLASSES), np.bool_),
        )


def drawn_scene(rng: np.random.Generator) -> DrawnScene:
    """One scene with its own camera, street, light and damage."""
    camera = CameraModel(
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        focal_px=float(rng.uniform(380, 650)),
        height_m=float(rng.uniform(1.2, 3.0)),
        pitch_deg=float(rng.uniform(5, 24)),
        yaw_deg=float(rng.normal(0, 2)),
    )
    count = 0 if rng.random() < EMPTY_SHARE else int(rng.integers(1, 5))
    image, boxes = draw_frame(
        camera,
        _apart([_defect(rng) for _ in range(count)]),
        seed=int(rng.integers(2**31)),
        along_m=float(rng.uniform(0, 500)),
        light=float(rng.uniform(0.45, 1.25)),
    )
    sides = np.array([box.box_xyxy_px for box in boxes], np.float32).reshape(-1, 4)
    labels = np.array([CLASSES.index(box.class_code) for box in boxes], np.int64)
    return DrawnScene(image, sides, labels)


def _defect(rng: np.random.Generator) -> DrawnDefect:
    code = CLASSES[int(rng.integers(len(CLASSES)))]
    length_m, width_m = {
        "D00": (rng.uniform(1.2, 6.0), rng.uniform(0.08, 0.6)),
        "D10": (rng.uniform(0.15, 0.8), rng.uniform(1.0, 3.6)),
        "D20": (rng.uniform(0.8, 4.0), rng.uniform(0.7, 2.6)),
        "D40": (rng.uniform(0.3, 1.4), rng.uniform(0.3, 1.3)),
    }[code]
    return DrawnDefect(
        class_code=code,
        forward_m=float(rng.uniform(3.0, 9.0) if code == "D10" else rng.triangular(3.0, 6.0, 20.0)),
        right_m=float(rng.uniform(-3.0, 2.2)),
        length_m=float(length_m),
        width_m=float(width_m),
        seed=int(rng.integers(2**31)),
    )


def _apart(defects: list[DrawnDefect]) -> list[DrawnDefect]:
    """Drop what would lie on damage that came before it."""
    kept: list[DrawnDefect] = []
    for defect in defects:
        if not any(_touch(defect, other) for other in kept):
            kept.append(defect)
    return kept


def _touch(one: DrawnDefect, other: DrawnDefect) -> bool:
    along = abs(one.forward_m - other.forward_m) < (one.length_m + other.length_m) / 2
    across = abs(one.right_m - other.right_m) < (one.width_m + other.width_m) / 2
    return along and across
