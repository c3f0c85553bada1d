import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.findings.catalogue import load_catalogue
from cloud.findings.cluster import clusters_of, components_of
from cloud.findings.decisions import Decisions
from cloud.findings.fuse import fuse
from cloud.findings.model import Fused, Observation
from tests.unit.cloud.findings.builders import look, observation

CATALOGUE = load_catalogue()
LOOKS = [look(minutes=minutes, device="bus-7") for minutes in (15, 95, 300)]
CODES = ("D00", "D10", "D20", "D40")


def groups_of(observations: list[Observation], **decided: object) -> list[list[str]]:
    found = clusters_of(observations, catalogue=CATALOGUE, decisions=Decisions(**decided))  # pyright: ignore[reportArgumentType]
    return [[item.id for item in group] for group in found]


def believed(observations: list[Observation]) -> list[Fused]:
    return [fuse(group, LOOKS, catalogue=CATALOGUE) for group in clusters_of(observations, catalogue=CATALOGUE)]


@st.composite
def towns(draw: st.DrawFn) -> list[Observation]:
    """Passes of a few buses in both directions by a few places, with errors; some passes are at the same time."""
    return [
        observation(
            east_m=draw(st.floats(-8, 8)),
            north_m=15.0 * draw(st.integers(0, 3)) + draw(st.floats(-6, 6)),
            minutes=draw(st.integers(0, 40)) / 2,
            device=f"bus-{draw(st.integers(1, 3))}",
            class_code=draw(st.sampled_from(CODES)),
            confidence=draw(st.sampled_from((0.6, 0.75, 0.9))),
            heading_deg=draw(st.sampled_from((0.0, 180.0))),
            id=f"00000000-0000-7000-8000-{number:012d}",
        )
        for number in range(draw(st.integers(1, 14)))
    ]


@settings(max_examples=120, deadline=None)
@given(towns(), st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(observations: list[Observation], chance: random.Random) -> None:
    expected = believed(observations)
    chance.shuffle(observations)

    assert believed(observations) == expected


@settings(max_examples=60, deadline=None)
@given(towns())
def test_each_sighting_is_of_one_finding(observations: list[Observation]) -> None:
    names = [name for group in groups_of(observations) for name in group]

    assert sorted(names) == sorted(item.id for item in observations)


@settings(max_examples=60, deadline=None)
@given(towns())
def test_what_hangs_together_is_grouped_the_same_without_the_rest(observations: list[Observation]) -> None:
    apart = [groups_of(part) for part in components_of(observations, catalogue=CATALOGUE)]

    assert sorted(group for part in apart for group in part) == sorted(groups_of(observations))


@settings(max_examples=60, deadline=None)
@given(towns(), st.data())
def test_what_a_person_kept_apart_stays_apart(observations: list[Observation], data: st.DataObject) -> None:
    names = [item.id for item in observations]
    left = frozenset(data.draw(st.lists(st.sampled_from(names), max_size=3)))
    right = frozenset(data.draw(st.lists(st.sampled_from(names), max_size=3))) - left

    for group in groups_of(observations, apart=((left, right),)):
        assert not (left & set(group) and right & set(group))


def test_what_a_person_joined_is_one() -> None:
    first, second = observation(), observation(north_m=40, minutes=10)

    assert len(groups_of([first, second])) == 2
    assert len(groups_of([first, second], together=(frozenset({first.id, second.id}),))) == 1


def test_later_sighting_joins_the_nearer_half_of_what_was_split() -> None:
    left = [observation(north_m=0, minutes=10 * number) for number in range(3)]
    right = [observation(north_m=5, minutes=10 * number + 5, device="bus-2") for number in range(3)]
    late = observation(north_m=5, minutes=200, device="bus-3")
    sides = (frozenset(item.id for item in left), frozenset(item.id for item in right))

    groups = groups_of([*left, *right, late], apart=(sides,))
    assert len(groups) == 2
    assert next(group for group in groups if late.id in group)[0] == right[0].id


def test_crack_that_became_a_hole_is_one_finding() -> None:
    crack = [observation(class_code="D20", minutes=60 * day) for day in range(3)]
    hole = [observation(class_code="D40", minutes=60 * day, north_m=0.5) for day in range(3, 6)]

    assert len(groups_of([*crack, *hole])) == 1


def test_parallel_lanes_in_opposite_directions_stay_apart() -> None:
    there = [observation(minutes=20 * number) for number in range(4)]
    back = [observation(minutes=20 * number + 9, heading_deg=180.0, east_m=-5.5) for number in range(4)]

    assert len(groups_of([*there, *back])) == 2


def test_shift_that_a_whole_pass_shares_makes_no_second_findings() -> None:
    """A reflection moves three damages by eleven metres in one pass: they keep their distances."""
    places = (0.0, 16.0, 39.0)
    usual = [
        observation(north_m=place, minutes=30 * number + place / 500, device="bus-1")
        for number in range(4)
        for place in places
    ]
    shifted = [observation(north_m=place + 11, minutes=200 + place / 500, device="bus-2") for place in places]

    assert [len(group) for group in groups_of([*usual, *shifted])] == [5, 5, 5]


def test_two_halves_of_one_scatter_are_joined() -> None:
    errors_m = (-4.5, 4.5, -5.0, 4.8, -4.2, 5.2, -4.9, 4.4)
    seen = [observation(north_m=error, minutes=30 * number) for number, error in enumerate(errors_m)]

    assert len(groups_of(seen)) == 1


@pytest.mark.parametrize("apart_m", [6.0, 8.0])
def test_two_that_each_pass_sees_at_once_are_two(apart_m: float) -> None:
    seen = [
        observation(north_m=place, minutes=30 * number + place / 500) for number in range(4) for place in (0.0, apart_m)
    ]

    assert [len(group) for group in groups_of(seen)] == [4, 4]


def test_late_first_sighting_changes_nothing_but_the_begin() -> None:
    seen = [observation(minutes=30 * number, north_m=number % 2) for number in range(6)]
    late = observation(minutes=-600, north_m=0.5)

    (group,) = clusters_of([*seen, late], catalogue=CATALOGUE)
    assert group[0].id == late.id
    assert fuse(group, [], catalogue=CATALOGUE).first_seen_at == seen[0].at - timedelta(minutes=600)
