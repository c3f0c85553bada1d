from itertools import product

import pytest

from benchmarks.tracking import AKIN, BUSES, error_model
from edge_agent.scenarios.road_damage.look import are_akin
from simulator.truth import CLASS_CODES
from simulator.world import make_world


@pytest.mark.parametrize(("one", "other"), list(product(CLASS_CODES, repeat=2)))
def test_only_what_the_tracker_takes_for_one_thing_can_be_doubled(one: str, other: str) -> None:
    assert (AKIN.get(one, one) == AKIN.get(other, other)) is are_akin(one, other)


def test_a_drive_by_the_measured_errors_is_believed() -> None:
    shares = error_model(make_world(seed=1, buses=BUSES, frames=None), lines=1, is_split=False, seed=1)

    assert shares["observations"] > 0
    assert shares["missed_share"] < 0.5
