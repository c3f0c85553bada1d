"""Precision, recall and F1 at IoU 0.5, per class and source, with intervals by resampling scenes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.detections import overlaps
from models.road_damage.coco import Photo

MATCH_IOU = 0.5
THRESHOLDS = tuple(round(0.1 + 0.01 * step, 2) for step in range(61))
Counts = NDArray[np.int64]  # (classes, 3): hits, false alarms, missed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """How the boxes of one picture met its truth, for classes that its source labelled."""

    source: str
    scene: str
    scores: NDArray[np.float32]  # (n,)
    labels: NDArray[np.int64]  # (n,)
    is_hit: NDArray[np.bool_]  # (n,)
    truths: NDArray[np.int64]  # (classes,) how many boxes the truth has


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
) -> Outcome:
    """Match boxes to the truth of their class, best score first; each truth is found at most once."""
    known = np.flatnonzero(truth.is_labelled[labels])
    order = known[np.argsort(-scores[known], kind="stable")]
    is_free = np.ones(len(truth.boxes), np.bool_)
    is_hit = np.zeros(len(order), np.bool_)
    overlap, _ = overlaps(boxes, truth.boxes)
    for place, index in enumerate(order):
        iou = np.where(is_free & (truth.labels == labels[index]), overlap[index], 0.0)
        if iou.size and iou.max() >= MATCH_IOU:
            is_free[int(iou.argmax())] = False
            is_hit[place] = True
    return Outcome(
        source=truth.source,
        scene=truth.scene,
        scores=scores[order],
        labels=labels[order],
        is_hit=is_hit,
        truths=np.bincount(truth.labels, minlength=len(truth.is_labelled)),
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


def f1_interval(
    outcomes: Sequence[Outcome], threshold: float, *, rng: np.random.Generator, rounds: int = 500
) -> tuple[float, float]:
    """95 % interval of the micro F1: whole scenes drawn again with replacement."""
    by_scene: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        by_scene.setdefault((outcome.source, outcome.scene), []).append(outcome)
    scenes = np.stack([count(members, threshold) for members in by_scene.values()])
    values = [rates(scenes[rng.integers(0, len(scenes), len(scenes))]).f1 for _ in range(rounds)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
