from pathlib import Path

import numpy as np
import pytest

from models.road_damage.coco import Photo
from models.road_damage.score import (
    Outcome,
    average_precision,
    best_threshold,
    count,
    interval,
    judge,
    precision_recall,
    rates,
    tally,
)

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


def f1(counts: np.ndarray) -> float:
    return rates(counts).f1


def test_interval_holds_the_value_and_needs_more_than_one_scene_to_be_wide() -> None:
    good = outcome([[0, 0, 10, 10]], [0.9], [0], [[0, 0, 10, 10]], [0], scene="good")
    bad = outcome([], [], [], [[0, 0, 10, 10]], [0], scene="bad")
    rng = np.random.default_rng(1)

    assert interval(tally([good, bad], 0.5, input_px=100), f1, rng=rng) == (0.0, 1.0)
    assert interval(tally([good, good], 0.5, input_px=100), f1, rng=rng) == (1.0, 1.0)


def test_many_pictures_of_one_scene_are_one_sample() -> None:
    same = [outcome([[0, 0, 10, 10]], [0.9], [0], [[0, 0, 10, 10]], [0], scene="same") for _ in range(9)]

    assert len(tally(same, 0.5, input_px=100)) == 1


def test_sizes_are_those_of_the_scaled_picture_and_sum_to_the_whole() -> None:
    found = outcome([[0, 0, 10, 10], [50, 50, 99, 99]], [0.9, 0.8], [0, 1], [[0, 0, 10, 10], [0, 50, 40, 90]], [0, 2])

    by_size = tally([found], 0.5, input_px=200)[0]

    assert by_size[0, 0].tolist() == [1, 0, 0]  # 10 px of 100 are 20 px of 200
    assert by_size[2, 1].tolist() == [0, 1, 0]
    assert by_size[2, 2].tolist() == [0, 0, 1]
    assert (by_size.sum(axis=0) == count([found], 0.5)).all()


def test_precision_and_recall_follow_the_falling_threshold() -> None:
    found = outcome(
        [[0, 0, 10, 10], [50, 50, 60, 60], [20, 0, 30, 10]],
        [0.9, 0.8, 0.7],
        [0, 0, 0],
        [[0, 0, 10, 10], [20, 0, 30, 10], [80, 80, 90, 90]],
        [0, 0, 0],
    )

    precision, recall = precision_recall([found], 0)

    assert precision == pytest.approx([1, 1 / 2, 2 / 3])
    assert recall == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert average_precision([found], 0) == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)


def test_class_without_boxes_has_no_precision_and_no_error() -> None:
    assert average_precision([outcome([], [], [], [], [])], 0) == 0.0
