"""Precision, recall and F1 at IoU 0.5, per class and size, with intervals by resampling scenes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.detections import areas, overlaps
from models.road_damage.coco import Photo

MATCH_IOU = 0.5
THRESHOLDS = tuple(round(0.05 + 0.01 * step, 2) for step in range(76))
BOOTSTRAP_ROUNDS = 500
SIZE_EDGES_PX = (0, 32, 64, 128, 100_000)  # of the square root of a box's area, in pixels of the model's input
Counts = NDArray[np.int64]  # (classes, 3): hits, false alarms, missed
Tally = NDArray[np.int64]  # (scenes, sizes, classes, 3)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """How the boxes of one picture met its truth, for classes that its source labelled; best score first."""

    truth: Photo
    boxes: NDArray[np.float32]  # (n, 4) xyxy px
    scores: NDArray[np.float32]  # (n,)
    labels: NDArray[np.int64]  # (n,)
    match: NDArray[np.int64]  # (n,) which box of the truth it hits, or -1

    @property
    def source(self) -> str:
        return self.truth.source

    @property
    def scene(self) -> tuple[str, str]:
        return self.truth.source, self.truth.scene

    @property
    def is_hit(self) -> NDArray[np.bool_]:
        return self.match >= 0

    @property
    def truths(self) -> NDArray[np.int64]:
        """How many boxes the truth has of each class (classes,)."""
        return np.bincount(self.truth.labels, minlength=len(self.truth.is_labelled))

    def surer_than(self, threshold: float) -> "Outcome":
        is_sure = self.scores >= threshold
        return Outcome(
            truth=self.truth,
            boxes=self.boxes[is_sure],
            scores=self.scores[is_sure],
            labels=self.labels[is_sure],
            match=self.match[is_sure],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    precision: float
    recall: float
    f1: float
    hits: int
    false_alarms: int
    missed: int


def judge(
    *,
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.int64],
    truth: Photo,
    match_iou: float = MATCH_IOU,
) -> Outcome:
    """Match boxes to the truth of their class, best score first; each truth is found at most once."""
    known = np.flatnonzero(truth.is_labelled[labels])
    order = known[np.argsort(-scores[known], kind="stable")]
    is_free = np.ones(len(truth.boxes), np.bool_)
    match = np.full(len(order), -1, np.int64)
    overlap, _ = overlaps(boxes, truth.boxes)
    for place, index in enumerate(order):
        iou = np.where(is_free & (truth.labels == labels[index]), overlap[index], 0.0)
        if iou.size and iou.max() >= match_iou:
            match[place] = iou.argmax()
            is_free[match[place]] = False
    return Outcome(truth=truth, boxes=boxes[order], scores=scores[order], labels=labels[order], match=match)


def judged_again(outcome: Outcome, match_iou: float) -> Outcome:
    """The same boxes by another measure of what is a hit."""
    return judge(
        boxes=outcome.boxes, scores=outcome.scores, labels=outcome.labels, truth=outcome.truth, match_iou=match_iou
    )


def count(outcomes: Sequence[Outcome], threshold: float) -> Counts:
    classes = len(outcomes[0].truths)
    total = np.zeros((classes, 3), np.int64)
    for outcome in outcomes:
        is_sure = outcome.scores >= threshold
        hits = np.bincount(outcome.labels[is_sure & outcome.is_hit], minlength=classes)
        total[:, 0] += hits
        total[:, 1] += np.bincount(outcome.labels[is_sure & ~outcome.is_hit], minlength=classes)
        total[:, 2] += outcome.truths - hits
    return total


def rates(counts: NDArray[np.int64]) -> Rates:
    """Rates of (hits, false alarms, missed), or of several such rows together; 0 where nothing was there."""
    hits, false_alarms, missed = (int(value) for value in counts.reshape(-1, 3).sum(axis=0))
    return Rates(
        precision=hits / max(hits + false_alarms, 1),
        recall=hits / max(hits + missed, 1),
        f1=2 * hits / max(2 * hits + false_alarms + missed, 1),
        hits=hits,
        false_alarms=false_alarms,
        missed=missed,
    )


def best_threshold(outcomes: Sequence[Outcome]) -> float:
    """Threshold with the best micro F1."""
    return max(THRESHOLDS, key=lambda threshold: rates(count(outcomes, threshold)).f1)


def tally(outcomes: Sequence[Outcome], threshold: float, *, input_px: float) -> Tally:
    """Count by scene, size and class; a found thing has the size of its truth, a false alarm that of its box.

    `input_px` is the side of the square whose area a picture is scaled to.
    """
    scenes = {scene: place for place, scene in enumerate(dict.fromkeys(outcome.scene for outcome in outcomes))}
    total = np.zeros((len(scenes), len(SIZE_EDGES_PX) - 1, len(outcomes[0].truths), 3), np.int64)
    for outcome in outcomes:
        sure = outcome.surer_than(threshold)
        counts = total[scenes[outcome.scene]]
        truth_sizes = sizes_of(outcome.truth.boxes, outcome.truth, input_px=input_px)
        is_found = np.isin(np.arange(len(truth_sizes)), sure.match)
        for is_wanted, place in ((is_found, 0), (~is_found, 2)):
            np.add.at(counts[..., place], (truth_sizes[is_wanted], outcome.truth.labels[is_wanted]), 1)
        box_sizes = sizes_of(sure.boxes, outcome.truth, input_px=input_px)
        np.add.at(counts[..., 1], (box_sizes[~sure.is_hit], sure.labels[~sure.is_hit]), 1)
    return total


def sizes_of(boxes: NDArray[np.float32], photo: Photo, *, input_px: float) -> NDArray[np.int64]:
    """Bin of each box (n,), by `sides_of`."""
    sides = sides_of(boxes, photo, input_px=input_px)
    return (sides[:, None] >= np.array(SIZE_EDGES_PX[1:-1], np.float32)).sum(axis=1)


def sides_of(boxes: NDArray[np.float32], photo: Photo, *, input_px: float) -> NDArray[np.float32]:
    """Square root of the area of each box (n,), at the model's scale."""
    return (np.sqrt(areas(boxes)) * input_px / np.sqrt(photo.width_px * photo.height_px)).astype(np.float32)


def interval(
    scenes: NDArray[np.int64],
    value: Callable[[NDArray[np.int64]], float],
    *,
    rng: np.random.Generator,
    rounds: int = BOOTSTRAP_ROUNDS,
) -> tuple[float, float]:
    """95 % interval of a value of counts (scenes, …): whole scenes are drawn again with replacement."""
    values = [value(scenes[rng.integers(0, len(scenes), len(scenes))]) for _ in range(rounds)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def precision_recall(outcomes: Sequence[Outcome], label: int) -> tuple[Floats, Floats]:
    """Precision and recall (n,) as the threshold falls, of one class."""
    scores = np.concatenate([one.scores[one.labels == label] for one in outcomes])
    is_hit = np.concatenate([one.is_hit[one.labels == label] for one in outcomes])
    hits = np.cumsum(is_hit[np.argsort(-scores, kind="stable")]).astype(np.float64)
    truths = sum(int(one.truths[label]) for one in outcomes)
    return hits / np.arange(1, len(hits) + 1), hits / max(truths, 1)


def average_precision(outcomes: Sequence[Outcome], label: int) -> float:
    """Area under precision over recall, precision made falling (as PASCAL VOC does since 2010)."""
    precision, recall = precision_recall(outcomes, label)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((falling * np.diff(recall, prepend=0.0)).sum())
