from itertools import product

import pytest

from benchmarks.tracking import AKIN
from edge_agent.scenarios.road_damage.look import are_akin
from simulator.truth import CLASS_CODES


@pytest.mark.parametrize(("one", "other"), list(product(CLASS_CODES, repeat=2)))
def test_only_what_the_tracker_takes_for_one_thing_can_be_doubled(one: str, other: str) -> None:
    assert (AKIN.get(one, one) == AKIN.get(other, other)) is are_akin(one, other)
