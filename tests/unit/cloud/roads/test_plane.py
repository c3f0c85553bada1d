import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud.roads.plane import boxes_along

spots = st.tuples(st.floats(-9000, 9000), st.floats(-9000, 9000))


@example([(0, 0), (-3961, 0), (0, 0), (40, 0)])
@given(st.lists(spots, min_size=1, max_size=30))
def test_each_place_of_a_track_lies_in_a_small_box(track: list[tuple[float, float]]) -> None:
    boxes = boxes_along(np.array(track))

    assert all(any((low <= spot).all() and (spot <= high).all() for low, high in boxes) for spot in track)
    assert np.ptp(boxes, axis=1).max() <= 4000


@pytest.mark.parametrize("stray", [[], [(9e6, -3e6)]], ids=["plain", "with a stray position"])
def test_the_way_between_two_parts_of_a_track_lies_in_a_box(stray: list[tuple[float, float]]) -> None:
    boxes = boxes_along(np.array([(0, 0), (900, 0), *stray, (1900, 50), (2000, 50)]))

    assert [[900, 0], [1900, 50]] in boxes.tolist()
    assert len(boxes) == 3 + len(stray)
