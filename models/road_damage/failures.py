"""Where a model fails: what becomes of each piece of labelled damage."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edge_agent.vision.detections import overlaps
from models.road_damage.drawn_set import CLASSES
from models.road_damage.error_model import STRAY_IOU
from models.road_damage.report import size_name
from models.road_damage.score import Outcome, sizes_of


class Fate(StrEnum):
    """The best that a picture's boxes do for one piece of damage."""

    FOUND = "found (IoU 0.5 or more)"
    MISPLACED = "box of its class is off (0.1 to 0.5)"
    ANOTHER_CLASS = "only a box of another class"
    NOTHING = "no box there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of labelled damage."""

    fate: Fate
    class_code: str
    source: str
    size: str
    best_iou: float  # of the boxes of its class


def pieces_of(outcomes: Sequence[Outcome], *, input_px: float) -> Iterator[Piece]:
    for outcome in outcomes:
        truth = outcome.truth
        overlap, _ = overlaps(outcome.boxes, truth.boxes)
        sizes = sizes_of(truth.boxes, truth, input_px=input_px)
        for index in range(len(truth.boxes)):
            label = int(truth.labels[index])
            best_iou = float(overlap[outcome.labels == label, index].max(initial=0.0))
            of_any_class = float(overlap[:, index].max(initial=0.0))
            yield Piece(
                fate=_fate(is_found=bool(np.any(outcome.match == index)), best_iou=best_iou, of_any_class=of_any_class),
                class_code=CLASSES[label],
                source=truth.source,
                size=size_name(int(sizes[index])),
                best_iou=best_iou,
            )


def _fate(*, is_found: bool, best_iou: float, of_any_class: float) -> Fate:
    if is_found:
        return Fate.FOUND
    if best_iou > STRAY_IOU:
        return Fate.MISPLACED
    return Fate.ANOTHER_CLASS if of_any_class > STRAY_IOU else Fate.NOTHING
