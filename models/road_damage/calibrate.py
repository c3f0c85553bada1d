"""From scores to chances: a line in the logit with an offset for each class, fitted on scenes and tried on others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.model_file import Calibration, logit
from models.road_damage.score import THRESHOLDS, Counts, Outcome, count

BINS = 10
CLASS_SIGMA = 1.0  # how far a class's offset may lie from the common one, in logits; holds back classes seen rarely
NEWTON_STEPS = 30
RESAMPLINGS = 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boxes:
    """Boxes of many pictures."""

    scores: NDArray[np.float32]  # (n,)
    labels: NDArray[np.int64]  # (n,)
    is_hit: NDArray[np.bool_]  # (n,)
    scenes: NDArray[np.int64]  # (n,)

    def where(self, wanted: NDArray[np.bool_]) -> "Boxes":
        return Boxes(
            scores=self.scores[wanted],
            labels=self.labels[wanted],
            is_hit=self.is_hit[wanted],
            scenes=self.scenes[wanted],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Boxes of about the same confidence."""

    confidence: float  # mean
    right: float  # share that hit
    boxes: int


def boxes_of(outcomes: Sequence[Outcome]) -> Boxes:
    numbers = {scene: number for number, scene in enumerate(dict.fromkeys(one.scene for one in outcomes))}
    return Boxes(
        scores=np.concatenate([one.scores for one in outcomes]),
        labels=np.concatenate([one.labels for one in outcomes]),
        is_hit=np.concatenate([one.is_hit for one in outcomes]),
        scenes=np.concatenate([np.full(len(one.scores), numbers[one.scene]) for one in outcomes]),
    )


def fit(boxes: Boxes, classes: int) -> Calibration:
    """The most likely line, offsets of the classes held together by a normal prior (Newton's method)."""
    scores = logit(boxes.scores).astype(np.float64)
    terms = np.column_stack([scores, np.ones(len(scores)), np.eye(classes)[boxes.labels]])
    prior = np.array([1.0, 0.0] + [0.0] * classes)
    stiffness = np.array([0.01, 1e-6] + [CLASS_SIGMA**-2] * classes)
    weights = prior
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-(terms @ weights)))
        slope = terms.T @ (chance - boxes.is_hit) + stiffness * (weights - prior)
        curve = (terms * (chance * (1 - chance))[:, None]).T @ terms + np.diag(stiffness)
        weights = weights - np.linalg.solve(curve, slope)
    offsets = [round(float(weights[1] + own), 4) for own in weights[2:]]
    return Calibration(slope=max(round(float(weights[0]), 4), 0.01), offsets=tuple(offsets))


def confidences(calibration: Calibration, boxes: Boxes) -> NDArray[np.float32]:
    found = np.zeros(len(boxes.scores), np.float32)
    for index in range(len(calibration.offsets)):
        is_of_class = boxes.labels == index
        found[is_of_class] = calibration.confidence(boxes.scores[is_of_class], index)
    return found


def with_raw_scores(calibration: Calibration, boxes: Boxes) -> Boxes:
    """The scores that calibrated confidences come from."""
    scores = np.zeros(len(boxes.scores), np.float32)
    for index in range(len(calibration.offsets)):
        is_of_class = boxes.labels == index
        scores[is_of_class] = calibration.scores(boxes.scores[is_of_class], index)
    return replace(boxes, scores=scores)


def with_confidences(calibration: Calibration, outcome: Outcome) -> Outcome:
    """The outcome with calibrated confidences for raw scores, best first again."""
    chances = confidences(calibration, boxes_of([outcome]))
    order = np.argsort(-chances, kind="stable")
    return Outcome(
        truth=outcome.truth,
        boxes=outcome.boxes[order],
        scores=chances[order],
        labels=outcome.labels[order],
        match=outcome.match[order],
    )


def cross_fitted(boxes: Boxes, classes: int) -> NDArray[np.float32]:
    """Confidence of each box by a line that was fitted without its scene."""
    found = np.zeros(len(boxes.scores), np.float32)
    for scene in np.unique(boxes.scenes):
        is_held_out = boxes.scenes == scene
        found[is_held_out] = confidences(fit(boxes.where(~is_held_out), classes), boxes.where(is_held_out))
    return found


def reliability(chances: NDArray[np.float32], is_hit: NDArray[np.bool_]) -> list[Bin]:
    """Bins of equal width in which there is something."""
    places = np.minimum((chances * BINS).astype(np.int64), BINS - 1)
    return [
        Bin(
            confidence=float(chances[places == place].mean()),
            right=float(is_hit[places == place].mean()),
            boxes=int((places == place).sum()),
        )
        for place in np.unique(places)
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean distance of confidence and truth, weighted by boxes (Naeini et al. 2015)."""
    total = sum(one.boxes for one in bins)
    return sum(abs(one.confidence - one.right) * one.boxes for one in bins) / max(total, 1)


def steady_threshold(outcomes: Sequence[Outcome], rng: np.random.Generator) -> float:
    """Mean of the confidences that are best for scenes drawn again and again: F1 is flat around its best.

    The single best value on all photos is mostly chance: it moved between 0.14 and 0.54.
    """
    table = _counts_by_scene(outcomes)
    draws = [table[rng.integers(0, len(table), len(table))].sum(axis=0) for _ in range(RESAMPLINGS)]
    return round(float(np.mean([THRESHOLDS[_best(draw)] for draw in draws])), 2)


def counts_by_other_scenes(outcomes: Sequence[Outcome]) -> Counts:
    """Counts when each scene is judged at the threshold that is best for all others."""
    table = _counts_by_scene(outcomes)
    total = table.sum(axis=0)
    return np.stack([own[_best(total - own)] for own in table]).sum(axis=0)


def _counts_by_scene(outcomes: Sequence[Outcome]) -> NDArray[np.int64]:
    """Counts at each of THRESHOLDS (scenes, thresholds, classes, 3)."""
    scenes = list(dict.fromkeys(one.scene for one in outcomes))
    of_scene = {scene: [one for one in outcomes if one.scene == scene] for scene in scenes}
    return np.stack([[count(of_scene[scene], threshold) for threshold in THRESHOLDS] for scene in scenes])


def _best(table: NDArray[np.int64]) -> int:
    """Place of the threshold with the best micro F1 in counts (thresholds, classes, 3)."""
    hits, false_alarms, missed = table.sum(axis=1).T
    return int(np.argmax(2 * hits / np.maximum(2 * hits + false_alarms + missed, 1)))
