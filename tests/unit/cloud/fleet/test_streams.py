"""Numbers of an outbox as ranges."""

from collections.abc import Sequence

import pytest

from cloud.fleet.streams import Range, runs


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([7], [(7, 7)], id="one"),
        pytest.param([3, 1, 2], [(1, 3)], id="out of order"),
        pytest.param([1, 2, 2, 4], [(1, 2), (4, 4)], id="doubled, with a gap"),
    ],
)
def test_numbers_become_ranges(numbers: Sequence[int], expected: Sequence[Range]) -> None:
    assert runs(numbers) == expected
