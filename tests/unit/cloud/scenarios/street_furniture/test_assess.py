"""What is the matter with a thing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.scenarios.street_furniture.assess import Problem, ThingState, assess, damage_of
from cloud.scenarios.street_furniture.kinds import load_kinds
from cloud.scenarios.street_furniture.presence import Glance

KINDS = load_kinds()
PICTURES = KINDS.pictures or pytest.fail("the shipped file has them")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SAME, OTHER = 0.1, 0.9


def passes(pattern: str) -> list[Glance]:
    return [
        Glance(
            at=NOON + timedelta(hours=2 * number),
            device=f"bus-{number % 2}",
            is_seen=letter == "S",
            looked_share=1.0,
            hit=0.8,
            false_alarm=0.03,
            neighbours_seen=3,
        )
        for number, letter in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("before", "pattern", "differences", "state"),
    [
        (ThingState.EXPECTED, "", [], ThingState.EXPECTED),
        (ThingState.EXPECTED, "MM", [], ThingState.EXPECTED),
        (ThingState.EXPECTED, "S", [], ThingState.SEEN),
        (ThingState.SEEN, "SSSSMM", [], ThingState.SEEN),
        (ThingState.SEEN, "SSSS" + "M" * 8, [], ThingState.MISSING),
        (ThingState.MISSING, "SSSS" + "M" * 8 + "S", [], ThingState.MISSING),
        (ThingState.MISSING, "SSSS" + "M" * 8 + "SSSSS", [], ThingState.SEEN),
        (ThingState.HIDDEN, "SSSS" + "M" * 12, [], ThingState.HIDDEN),
        (ThingState.SEEN, "SSSSSS", [SAME] * 6, ThingState.SEEN),
        (ThingState.SEEN, "SSSSSS", [SAME, SAME, SAME, OTHER, OTHER], ThingState.SEEN),
        (ThingState.SEEN, "SSSSSS", [SAME, OTHER, OTHER, OTHER, OTHER, OTHER], ThingState.DAMAGED),
        (ThingState.DAMAGED, "SSSSSS", [OTHER, OTHER, OTHER, OTHER, SAME, SAME, SAME, SAME], ThingState.SEEN),
        (ThingState.REMOVED, "SSSSSS", [OTHER] * 9, ThingState.REMOVED),
    ],
)
def test_state_follows_from_passes_and_pictures(
    before: ThingState, pattern: str, differences: list[float], state: ThingState
) -> None:
    assert assess(before, passes(pattern), differences, kinds=KINDS).state is state


def test_each_problem_is_as_sure_as_what_it_follows_from() -> None:
    found = assess(ThingState.SEEN, passes("SSSS" + "M" * 8), [], kinds=KINDS)
    assert found.probability(Problem.MISSING) == found.standing.presence.gone
    assert found.probability(Problem.HIDDEN) == found.standing.presence.hidden
    assert found.probability(Problem.DAMAGED) == pytest.approx(PICTURES.prior)


def test_a_problem_is_a_class_of_the_catalogue() -> None:
    assert Problem.MISSING.class_of("SIGN") == "SIGN_MISSING"


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0, 1))
def test_a_picture_that_differs_never_makes_damage_less_likely(differences: list[float], newest: float) -> None:
    rules = PICTURES
    alike = damage_of([*differences, 0.0], rules=rules)
    assert damage_of([*differences, newest], rules=rules) >= alike - 1e-12
    assert 0.0 < alike < 1.0
