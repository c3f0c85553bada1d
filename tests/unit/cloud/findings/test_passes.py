import random
from typing import Any

import pytest

from cloud.findings.model import PassKind
from cloud.findings.passes import bursts_of, is_same_pass, passes_of
from tests.unit.cloud.findings.builders import look, observation


def test_one_bus_that_goes_by_once_counts_once() -> None:
    passes = passes_of([observation(), observation(confidence=0.9)], [look(), look(minutes=0.3)])

    assert [taken.kind for taken in passes] == [PassKind.SEEN]


def test_best_observation_stands_for_the_pass() -> None:
    passes = passes_of([observation(confidence=0.5), observation(confidence=0.9)], [])

    assert passes[0].seen is not None
    assert passes[0].seen.confidence == 0.9


def test_two_buses_at_once_are_two_passes() -> None:
    assert len(passes_of([observation(device="bus-1"), observation(device="bus-2")], [])) == 2


def test_same_bus_an_hour_later_is_another_pass() -> None:
    assert len(passes_of([observation(), observation(minutes=60)], [])) == 2


def test_bus_that_turned_round_within_a_minute_makes_two_passes() -> None:
    passes = passes_of([observation(), observation(minutes=0.7, heading_deg=180.0)], [])

    assert len(passes) == 2


def test_pass_that_looked_and_saw_nothing_is_told() -> None:
    passes = passes_of([observation()], [look(minutes=10, device="bus-2")])

    assert [taken.kind for taken in passes] == [PassKind.SEEN, PassKind.NOT_SEEN]


def test_glance_is_no_pass() -> None:
    assert passes_of([], [look(share=0.01)]) == []


def test_stretches_of_one_pass_add_up_to_one_look() -> None:
    passes = passes_of([], [look(share=0.4), look(minutes=0.2, share=0.5), look(minutes=0.4, share=0.4)])

    assert [taken.looked_share for taken in passes] == [1.0]


def test_order_of_arrival_does_not_matter() -> None:
    observations = [observation(minutes=number * 7, device=f"bus-{number % 3}") for number in range(9)]
    looks = [look(minutes=number * 5, device=f"bus-{number % 3}") for number in range(9)]
    expected = passes_of(observations, looks)

    for seed in range(20):
        shuffle = random.Random(seed).shuffle
        shuffle(observations)
        shuffle(looks)
        assert passes_of(observations, looks) == expected


@pytest.mark.parametrize(
    ("minutes", "changes", "expected"),
    [
        pytest.param(0.5, {}, True, id="half a minute later"),
        pytest.param(5, {}, False, id="five minutes later"),
        pytest.param(0, {"device": "bus-2"}, False, id="another bus"),
        pytest.param(0.5, {"heading_deg": 180.0}, False, id="the other way"),
    ],
)
def test_same_pass_is_one_bus_one_direction_one_time(
    minutes: float, changes: dict[str, Any], *, expected: bool
) -> None:
    assert is_same_pass(observation(), observation(minutes=minutes, **changes)) is expected


def test_bus_that_circles_a_block_sees_anew_in_each_round() -> None:
    circling = [observation(minutes=0.4 * number) for number in range(8)]

    assert [len(burst) for burst in bursts_of(circling)] == [3, 3, 2]


def test_bursts_come_in_order_of_time() -> None:
    seen = [observation(minutes=5, device="bus-1"), observation(minutes=1, device="bus-2")]

    assert [burst[0].device for burst in bursts_of(seen)] == ["bus-2", "bus-1"]


def test_no_bus_is_in_two_places_at_once() -> None:
    """Looks in both directions that end at the same instant would be two passes with one key."""
    passes = passes_of([], [look(share=0.5), look(share=0.7, heading_deg=180.0)])

    assert [taken.looked_share for taken in passes] == [0.7]
