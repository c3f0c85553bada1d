"""Pictures with boxes, made up."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.road_damage.coco import Photo
from models.road_damage.sample import Choice, Sample
from models.road_damage.score import Outcome, judge

ALL = np.ones(4, np.bool_)


def photo(
    boxes: list[list[float]],
    labels: list[int],
    *,
    scene: str = "s",
    source: str = "test",
    is_labelled: NDArray[np.bool_] = ALL,
) -> Photo:
    return Photo(
        path=Path("none.jpg"),
        width_px=100,
        height_px=100,
        source=source,
        scene=scene,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        is_labelled=is_labelled,
    )


def outcome(
    boxes: list[list[float]], scores: list[float], labels: list[int], truth: Photo, *, match_iou: float = 0.5
) -> Outcome:
    return judge(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels, np.int64),
        truth=truth,
        match_iou=match_iou,
    )


def whole(outcomes: Sequence[Outcome]) -> Sample:
    """A quality of which every picture counts."""
    return Sample(outcomes=outcomes, unaltered=outcomes, of=len(outcomes), choice=Choice.CALLED_SO)
