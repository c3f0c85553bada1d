"""What a detector finds in one picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from wire.messages import ModelVersion

Box = NDArray[np.float32]  # (4,) xyxy px
Boxes = NDArray[np.float32]  # (n, 4) xyxy px
Scores = NDArray[np.float32]  # (n,) in 0..1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections:
    """Boxes in pixels of the original frame, best first."""

    boxes: Boxes
    confidences: Scores
    class_codes: tuple[str, ...]
    steps_ms: Mapping[str, float] = field(default_factory=dict[str, float])  # what finding them took, if known

    def __post_init__(self) -> None:
        if not len(self.boxes) == len(self.confidences) == len(self.class_codes):
            raise ValueError("boxes, confidences and classes go together")

    def __len__(self) -> int:
        return len(self.class_codes)


def no_detections() -> Detections:
    return Detections(boxes=np.zeros((0, 4), np.float32), confidences=np.zeros(0, np.float32), class_codes=())


class Detector(Protocol):
    """Pictures in, detections out."""

    @property
    def model(self) -> ModelVersion: ...

    def detect(self, image: Image) -> Detections: ...

    def prepare(self, image: Image) -> None:
        """Make the frame ready that comes next; another thread than that of `detect` does it meanwhile."""


class FromWhole:
    """A detector that takes each frame as it comes."""

    def prepare(self, image: Image) -> None:
        """Nothing is to be made ready."""


def overlaps(boxes: Boxes, others: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Intersection over union, and over the smaller box, of each box with each other: (n, m) and (n, m)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    shared = sides[..., 0] * sides[..., 1]
    area, other_area = areas(boxes)[:, None], areas(others)[None, :]
    union, smaller = area + other_area - shared, np.minimum(area, other_area)
    return (shared / np.maximum(union, 1e-9)).astype(np.float32), (shared / np.maximum(smaller, 1e-9)).astype(
        np.float32
    )


def covered(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Share of each box that each other covers (n, m)."""
    _, of_smaller = overlaps(boxes, others)
    return of_smaller * np.minimum(areas(others)[None, :] / areas(boxes)[:, None], np.float32(1.0))


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """Area of each box in square pixels (n,)."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return (sides[:, 0] * sides[:, 1]).astype(np.float32)
