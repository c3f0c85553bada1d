from datetime import UTC, datetime, timedelta

import pytest

from cloud.condition.passes import hour_of_week, next_expected, passes_of
from cloud.roads.matching import Stay

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # a Tuesday


def stay(segment_id: str, minutes: float) -> Stay:
    at = AT + timedelta(minutes=minutes)
    return Stay(segment_id=segment_id, way=1, from_m=0, to_m=100, from_at=at, to_at=at + timedelta(seconds=20))


def test_stays_that_follow_at_once_are_one_pass() -> None:
    assert [name for name, _ in passes_of([stay("a", 0), stay("a", 1), stay("b", 1.5)])] == ["a", "b"]


def test_bus_that_comes_again_has_passed_twice() -> None:
    assert len(passes_of([stay("a", 0), stay("b", 5), stay("a", 30)])) == 2 + 1


def test_hours_of_the_week_begin_on_monday() -> None:
    assert hour_of_week(datetime(2026, 11, 23, 0, 59, tzinfo=UTC)) == 0
    assert hour_of_week(AT) == 32
    assert hour_of_week(datetime(2026, 11, 29, 23, 0, tzinfo=UTC)) == 167


@pytest.mark.parametrize(("days_later", "weeks"), [(0, 1), (1, 1), (7, 1), (7.01, 2), (20, 3)])
def test_next_pass_is_expected_a_whole_number_of_weeks_later(days_later: float, weeks: int) -> None:
    assert next_expected(AT, at=AT + timedelta(days=days_later)) == AT + timedelta(weeks=weeks)
