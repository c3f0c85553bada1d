from pathlib import Path

import numpy as np
import pytest

from edge_agent.vision.model_file import sigmoid
from models.road_damage.calibrate import (
    Boxes,
    boxes_of,
    calibration_error,
    confidences,
    counts_by_other_scenes,
    cross_fitted,
    fit,
    reliability,
    steady_threshold,
)
from models.road_damage.coco import Photo
from models.road_damage.score import Outcome, judge, rates

CLASSES = 2


def drawn_boxes(*, slope: float, offsets: tuple[float, float], count: int = 20_000) -> Boxes:
    """Boxes whose chance to be right is known: a line in the logit of their score."""
    rng = np.random.default_rng(7)
    logits = rng.normal(-1, 1.2, count)
    labels = rng.integers(0, CLASSES, count)
    chances = 1 / (1 + np.exp(-(slope * logits + np.array(offsets)[labels])))
    return Boxes(
        scores=sigmoid(logits.astype(np.float32)),
        labels=labels,
        is_hit=rng.random(count) < chances,
        scenes=rng.integers(0, 10, count),
    )


def test_a_line_is_found_again() -> None:
    found = fit(drawn_boxes(slope=0.7, offsets=(0.4, -0.9)), CLASSES)

    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.offsets == pytest.approx((0.4, -0.9), abs=0.08)


def test_fitted_confidences_are_honest_and_scores_were_not() -> None:
    boxes = drawn_boxes(slope=0.7, offsets=(0.8, -1.2))

    before = calibration_error(reliability(boxes.scores, boxes.is_hit))
    after = calibration_error(reliability(cross_fitted(boxes, CLASSES), boxes.is_hit))

    assert before > 0.05
    assert after < 0.02


def test_a_class_seen_once_keeps_near_the_common_line() -> None:
    boxes = drawn_boxes(slope=1.0, offsets=(0.0, 0.0), count=500)
    labels = np.zeros(500, np.int64)
    labels[0] = 1

    found = fit(Boxes(scores=boxes.scores, labels=labels, is_hit=boxes.is_hit, scenes=boxes.scenes), CLASSES)

    assert abs(found.offsets[1] - found.offsets[0]) < 1.0


def test_everything_right_is_no_endless_line() -> None:
    boxes = drawn_boxes(slope=1.0, offsets=(0.0, 0.0), count=50)
    right = Boxes(scores=boxes.scores, labels=boxes.labels, is_hit=np.ones(50, np.bool_), scenes=boxes.scenes)

    found = fit(right, CLASSES)

    assert np.isfinite(found.slope)
    assert (confidences(found, right) <= 1).all()


def test_held_out_scene_does_not_speak_for_itself() -> None:
    scores = np.full(40, 0.5, np.float32)
    labels = np.zeros(40, np.int64)
    scenes = np.repeat([0, 1], 20)
    boxes = Boxes(scores=scores, labels=labels, is_hit=scenes == 1, scenes=scenes)

    found = cross_fitted(boxes, 1)

    assert found[0] > 0.9
    assert found[-1] < 0.1


@pytest.mark.parametrize(
    ("chances", "is_hit", "error"),
    [([0.8] * 5, [1, 1, 1, 1, 0], 0.0), ([0.8] * 4, [0, 0, 0, 0], 0.8), ([0.2, 1.0], [0, 0], 0.6), ([], [], 0.0)],
    ids=["honest", "boastful", "two bins", "nothing"],
)
def test_calibration_error_is_the_mean_distance(chances: list[float], is_hit: list[int], error: float) -> None:
    bins = reliability(np.array(chances, np.float32), np.array(is_hit, np.bool_))

    assert calibration_error(bins) == pytest.approx(error, abs=1e-6)


def one_box(scene: str, score: float, *, is_right: bool) -> Outcome:
    box = np.array([[0, 0, 10, 10]], np.float32)
    truth = box if is_right else np.array([[50, 50, 60, 60]], np.float32)
    return judge(
        boxes=box,
        scores=np.array([score], np.float32),
        labels=np.array([0], np.int64),
        truth=Photo(
            path=Path("none.jpg"),
            width_px=100,
            height_px=100,
            source="test",
            scene=scene,
            boxes=truth,
            labels=np.array([0], np.int64),
            is_labelled=np.ones(1, np.bool_),
        ),
    )


def test_threshold_for_a_scene_comes_from_the_others() -> None:
    """Alone, each scene would ask for a threshold below its own score."""
    high, low = one_box("high", 0.7, is_right=True), one_box("low", 0.3, is_right=True)
    wrong = one_box("high", 0.4, is_right=False)

    counts = counts_by_other_scenes([high, wrong, low])

    assert rates(counts).hits == 1  # `low` is lost to the threshold that `high` asks for
    assert len(np.unique(boxes_of([high, wrong, low]).scenes)) == 2


def test_steady_threshold_lies_between_what_single_scenes_want() -> None:
    high, low = one_box("high", 0.7, is_right=True), one_box("low", 0.3, is_right=True)
    wrong = one_box("high", 0.4, is_right=False)

    found = steady_threshold([high, wrong, low], np.random.default_rng(1))

    assert 0.05 < found < 0.7
    assert found == steady_threshold([high, wrong, low], np.random.default_rng(1))
