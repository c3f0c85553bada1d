import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.scenarios.road_damage.assign import assigned

SIDES = st.integers(1, 5)
COST = st.one_of(st.floats(-5, 5), st.just(math.inf))


@st.composite
def tables(draw: st.DrawFn) -> list[list[float]]:
    columns = draw(SIDES)
    return draw(st.lists(st.lists(COST, min_size=columns, max_size=columns), min_size=1, max_size=5))


def best_of_all(costs: list[list[float]]) -> tuple[int, float]:
    """Most pairs, and their least cost, by trying everything."""
    rows, columns = len(costs), len(costs[0])
    best = (0, 0.0)
    for chosen in itertools.product([None, *range(columns)], repeat=rows):
        taken = [column for column in chosen if column is not None]
        if len(set(taken)) < len(taken):
            continue
        cost = sum(costs[row][column] for row, column in enumerate(chosen) if column is not None)
        if math.isfinite(cost):
            best = min(best, (-len(taken), cost))
    return -best[0], best[1]


@settings(max_examples=60, deadline=None)
@given(costs=tables())
def test_as_many_pairs_as_can_be_and_none_cheaper(costs: list[list[float]]) -> None:
    pairs = assigned(costs)
    most, least = best_of_all(costs)
    assert len(pairs) == most
    assert sum(costs[row][column] for row, column in pairs) == pytest.approx(least, abs=1e-9)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


@pytest.mark.parametrize("costs", [[], [[]], [[math.inf]]], ids=["no rows", "no columns", "nothing fits"])
def test_where_nothing_can_be_paired_there_is_no_pair(costs: list[list[float]]) -> None:
    assert assigned(costs) == []


def test_the_nearest_gives_way_where_both_are_better_off() -> None:
    assert assigned([[0.0, 0.1], [0.2, math.inf]]) == [(0, 1), (1, 0)]
