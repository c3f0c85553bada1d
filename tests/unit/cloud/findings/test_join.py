"""Which findings side by side are of one thing, weighed pass by pass."""

import pytest

from cloud.findings.model import Observation
from tests.unit.cloud.findings.builders import observation
from tests.unit.cloud.findings.test_cluster import groups_of

JUMP_M = 11.0


def seen_often(*, passes: int = 12) -> list[Observation]:
    """A thing that a pass each half hour sees, within half a metre."""
    return [observation(minutes=30 * number, east_m=number % 2 / 2) for number in range(passes)]


def test_what_a_jumped_receiver_told_elsewhere_is_of_the_thing_that_it_missed() -> None:
    usual = seen_often()
    jumped = [observation(minutes=40 + 100 * number, north_m=JUMP_M, device="bus-2") for number in range(2)]

    assert [len(group) for group in groups_of([*usual, *jumped])] == [14]


def test_false_alarms_beside_a_thing_that_every_pass_tells_are_no_second_thing() -> None:
    usual = seen_often()
    beside = [observation(minutes=30 * number + 0.01, north_m=-6, confidence=0.5) for number in (2, 9)]

    assert [len(group) for group in groups_of([*usual, *beside])] == [14]


def test_what_many_passes_tell_beside_it_is_a_second_thing() -> None:
    usual = seen_often()
    beside = [observation(minutes=30 * number + 0.01, north_m=-6) for number in range(0, 12, 2)]

    assert sorted(len(group) for group in groups_of([*usual, *beside])) == [6, 12]


@pytest.mark.parametrize("passes", [2, 5, 12])
def test_neighbours_18_m_apart_stay_two_even_if_no_pass_tells_both(passes: int) -> None:
    usual = seen_often(passes=passes)
    neighbour = [
        observation(minutes=30 * number + 15, north_m=18, device="bus-2") for number in range(max(2, passes // 2))
    ]

    assert sorted(len(group) for group in groups_of([*usual, *neighbour])) == sorted([passes, len(neighbour)])


def test_what_is_gone_since_was_a_thing_of_its_own_as_long_as_every_pass_told_it() -> None:
    usual = seen_often(passes=16)
    gone = [observation(minutes=30 * number + 0.01, north_m=-10) for number in range(4)]

    assert sorted(len(group) for group in groups_of([*usual, *gone])) == [4, 16]


def test_what_a_person_called_different_is_not_taken_for_a_jump() -> None:
    usual = seen_often()
    beside = [observation(minutes=40 + 100 * number, north_m=JUMP_M, device="bus-2") for number in range(2)]
    different = (frozenset(item.id for item in usual), frozenset(item.id for item in beside))

    assert sorted(len(group) for group in groups_of([*usual, *beside], apart=(different,))) == [2, 12]
