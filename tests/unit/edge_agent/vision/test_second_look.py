"""What is cut out around a box, and what a second look may change."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.vision.model_file import CloseUp, Network
from edge_agent.vision.second_look import (
    GREY,
    MOST_BOXES,
    Candidates,
    SecondLook,
    from_windows,
    into_windows,
    view_of,
    windows_around,
)

CLOSE_UP = CloseUp(file="second_look.onnx", sha256="0" * 64, side_px=32, context=2.0, least=0.1)
FRAME = np.zeros((200, 200, 3), np.uint8)


class Said:
    """A network that says the same of every view."""

    def __init__(self, sides: list[float], chances: list[float]) -> None:
        self.seen: list[NDArray[np.uint8]] = []
        self._sides, self._chances = sides, chances

    def run(self, inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        self.seen.append(inputs)
        return [np.array([said] * len(inputs), np.float32) for said in (self._sides, self._chances)]


def looked(network: Said, found: Candidates) -> Candidates:
    return SecondLook(cast("Network", network), CLOSE_UP).look(FRAME, found)


def one(box: list[float], score: float = 0.5, label: int = 0) -> Candidates:
    return Candidates(boxes=np.array([box], np.float32), scores=np.array([score], np.float32), labels=np.array([label]))


def test_a_box_lies_between_where_both_looks_see_it() -> None:
    found = looked(Said([0.25, 0.25, 0.75, 0.5], [1, 0, 0]), one([80, 80, 120, 120]))
    assert found.boxes[0] == pytest.approx([80, 80, 120, 110])  # from close by it ends at 100


def test_odds_fall_with_the_chance_of_the_class() -> None:
    found = looked(Said([0, 0, 1, 1], [0.9, 0.0625, 0.1]), one([80, 80, 120, 120], score=0.8, label=1))
    assert found.scores[0] == pytest.approx(0.5)  # odds of 4 to 1, times the root of a sixteenth


@given(score=st.floats(0.01, 0.99), chance=st.floats(0, 1))
def test_a_score_never_rises(score: float, chance: float) -> None:
    found = looked(Said([0, 0, 1, 1], [chance, 1 - chance]), one([80, 80, 120, 120], score=score))
    assert found.scores[0] <= score + 1e-6


def test_the_weakest_of_too_many_boxes_are_dropped() -> None:
    count = MOST_BOXES + 3
    scores = np.linspace(0.1, 0.9, count, dtype=np.float32)
    boxes = np.tile(np.array([80, 80, 120, 120], np.float32), (count, 1))
    network = Said([0, 0, 1, 1], [1, 0])
    found = looked(network, Candidates(boxes=boxes, scores=scores, labels=np.zeros(count, np.int64)))
    assert len(found) == len(network.seen[0]) == MOST_BOXES
    assert found.scores.min() == pytest.approx(scores[3])


def test_a_thin_crack_is_shown_with_the_road_beside_it() -> None:
    windows = windows_around(np.array([[98, 50, 102, 150]], np.float32), FRAME, CLOSE_UP)
    assert windows[0].tolist() == [90, 0, 110, 200]  # a tenth of 200 across, twice its length along


def test_what_lies_beyond_the_frame_is_grey() -> None:
    view = view_of(np.full((100, 100, 3), 200, np.uint8), [-50, 0, 50, 100], 32)
    assert view.shape == (32, 32, 3)
    assert (view[:, :15] == GREY).all()
    assert (view[:, 17:] == 200).all()


@pytest.mark.parametrize("window", [[0, 0, 8, 100], [-300, -300, 400, 400], [90, 90, 130, 95], [0, 99, 1, 100]])
def test_a_view_is_square_whatever_is_cut_out(window: list[int]) -> None:
    assert view_of(np.zeros((100, 100, 3), np.uint8), window, 32).shape == (32, 32, 3)


@given(low=st.tuples(st.floats(0, 180), st.floats(0, 180)), size=st.tuples(st.floats(1, 150), st.floats(1, 150)))
def test_a_box_comes_back_from_its_window(low: tuple[float, float], size: tuple[float, float]) -> None:
    boxes = np.array([[*low, low[0] + size[0], low[1] + size[1]]], np.float32)
    windows = windows_around(boxes, FRAME, CLOSE_UP)
    shares = into_windows(boxes, windows)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert from_windows(shares, windows) == pytest.approx(boxes, abs=0.01)
