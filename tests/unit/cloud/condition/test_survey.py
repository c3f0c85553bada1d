from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.condition.survey import SurveyedPart, last_look, survey, view_across

AT = datetime(2026, 11, 24, tzinfo=UTC)
PART = SurveyedPart(
    device="bus-1", from_at=AT, to_at=AT + timedelta(seconds=10), from_m=0.0, to_m=100.0, direction=1, left_m=1.75,
    right_m=1.75, usable_share=1.0,
)  # fmt: skip


def share(*parts: SurveyedPart) -> float:
    return survey(parts, length_m=100.0, width_m=7.0, drives_on="right").share


def test_nothing_was_seen() -> None:
    found = survey([], length_m=100.0, width_m=7.0, drives_on="right")
    assert (found.share, found.looks) == (0.0, 0.0)


def test_one_direction_sees_its_own_half() -> None:
    assert share(PART) == pytest.approx(0.5)


def test_both_directions_see_all() -> None:
    assert share(PART, replace(PART, direction=-1)) == pytest.approx(1.0)


def test_same_half_twice_is_still_half_but_two_looks() -> None:
    found = survey([PART, PART], length_m=100.0, width_m=7.0, drives_on="right")
    assert (found.share, found.looks) == pytest.approx((0.5, 2.0))


def test_frames_that_could_not_be_used_saw_nothing() -> None:
    assert share(replace(PART, usable_share=0.5)) == pytest.approx(0.25)
    assert share(replace(PART, usable_share=0.0)) == 0


def test_driving_on_the_left_mirrors_the_view() -> None:
    assert view_across(PART, width_m=7.0, drives_on="right") == pytest.approx((0.0, 3.5))
    assert view_across(PART, width_m=7.0, drives_on="left") == pytest.approx((-3.5, 0.0))
    assert view_across(replace(PART, direction=-1), width_m=7.0, drives_on="right") == pytest.approx((-3.5, 0.0))


def part(first_m: float, second_m: float, usable_share: float, direction: Literal[1, -1]) -> SurveyedPart:
    from_m, to_m = sorted((first_m, second_m))
    return replace(PART, from_m=from_m, to_m=to_m, usable_share=usable_share, direction=direction)


metres = st.floats(0, 100)
parts = st.builds(part, metres, metres, st.floats(0, 1), st.sampled_from((1, -1)))


@settings(deadline=None)
@given(st.lists(parts, max_size=6), parts)
def test_another_look_never_sees_less(before: list[SurveyedPart], more: SurveyedPart) -> None:
    assert 0 <= share(*before) <= share(*before, more) + 1e-9 <= 1 + 2e-9


def test_short_looks_add_up_to_one_as_old_as_the_oldest_that_was_needed() -> None:
    looks = [replace(PART, from_m=20.0 * n, to_m=20.0 * n + 15, to_at=AT - timedelta(hours=n)) for n in range(4)]
    assert last_look(looks, length_m=100.0, min_share=0.2) == looks[1].to_at
    assert last_look(looks, length_m=100.0, min_share=0.5) == looks[3].to_at
    assert last_look(looks, length_m=100.0, min_share=0.7) is None


@settings(deadline=None)
@given(st.lists(parts, max_size=6))
def test_what_is_enough_of_the_surface_is_enough_of_the_length(seen: list[SurveyedPart]) -> None:
    enough = share(*seen)
    assert enough < 1e-6 or last_look(seen, length_m=100.0, min_share=enough - 1e-9) is not None


def test_last_look_is_of_a_pass_that_really_looked() -> None:
    late = replace(PART, to_at=AT + timedelta(hours=1))
    assert last_look([PART, replace(late, to_m=5.0)], length_m=100.0, min_share=0.2) == PART.to_at
    assert last_look([PART, late], length_m=100.0, min_share=0.2) == late.to_at
    assert last_look([replace(PART, usable_share=0.1)], length_m=100.0, min_share=0.2) is None
