from pathlib import Path

import numpy as np
import pytest

from models.road_damage.coco import Photo
from models.road_damage.score import Outcome, best_threshold, count, f1_interval, judge, rates

ALL = np.ones(4, np.bool_)


def outcome(
    boxes: list[list[float]],
    scores: list[float],
    labels: list[int],
    truth: list[list[float]],
    truth_labels: list[int],
    *,
    is_labelled: np.ndarray = ALL,
    scene: str = "s",
) -> Outcome:
    return judge(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels, np.int64),
        truth=Photo(
            path=Path("none.jpg"),
            width_px=100,
            height_px=100,
            source="test",
            scene=scene,
            boxes=np.array(truth, np.float32).reshape(-1, 4),
            labels=np.array(truth_labels, np.int64),
            is_labelled=is_labelled,
        ),
    )


def test_box_over_half_of_its_truth_is_a_hit() -> None:
    found = outcome([[0, 0, 10, 10]], [0.9], [3], [[0, 0, 10, 18]], [3])

    assert count([found], 0.5)[3].tolist() == [1, 0, 0]


def test_box_of_another_class_is_a_false_alarm_and_a_miss() -> None:
    found = outcome([[0, 0, 10, 10]], [0.9], [2], [[0, 0, 10, 10]], [3])

    assert count([found], 0.5)[:, 1].sum() == 1
    assert count([found], 0.5)[:, 2].sum() == 1


def test_truth_is_found_only_once_by_the_better_score() -> None:
    found = outcome([[0, 0, 10, 9], [0, 0, 10, 10]], [0.6, 0.8], [0, 0], [[0, 0, 10, 10]], [0])

    assert found.scores.tolist() == pytest.approx([0.8, 0.6])
    assert found.is_hit.tolist() == [True, False]


def test_class_that_the_source_did_not_label_does_not_count() -> None:
    only_potholes = np.array([False, False, False, True])
    found = outcome([[0, 0, 10, 10], [20, 20, 30, 30]], [0.9, 0.9], [0, 3], [], [], is_labelled=only_potholes)

    assert count([found], 0.5).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_threshold_moves_boxes_from_false_to_absent() -> None:
    found = outcome([[0, 0, 10, 10], [50, 50, 60, 60]], [0.9, 0.3], [1, 1], [[0, 0, 10, 10]], [1])

    assert rates(count([found], 0.2)).precision == 0.5
    assert rates(count([found], 0.5)).precision == 1.0
    assert best_threshold([found]) > 0.3


def test_nothing_at_all_gives_zero_and_no_error() -> None:
    found = outcome([], [], [], [], [])

    assert rates(count([found], 0.5)).f1 == 0.0


def test_interval_holds_the_value_and_needs_more_than_one_scene_to_be_wide() -> None:
    good = outcome([[0, 0, 10, 10]], [0.9], [0], [[0, 0, 10, 10]], [0], scene="good")
    bad = outcome([], [], [], [[0, 0, 10, 10]], [0], scene="bad")
    rng = np.random.default_rng(1)

    low, high = f1_interval([good, bad], 0.5, rng=rng)

    assert low == 0.0
    assert high == 1.0
    assert f1_interval([good, good], 0.5, rng=rng) == (1.0, 1.0)
