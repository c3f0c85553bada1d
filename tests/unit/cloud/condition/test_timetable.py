from datetime import UTC, datetime, timedelta

import pytest

from cloud.condition.timetable import hour_of_week, next_expected

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # a Tuesday


def test_hours_of_the_week_begin_on_monday() -> None:
    assert hour_of_week(datetime(2026, 11, 23, 0, 59, tzinfo=UTC)) == 0
    assert hour_of_week(AT) == 32
    assert hour_of_week(datetime(2026, 11, 29, 23, 0, tzinfo=UTC)) == 167


@pytest.mark.parametrize(("days_later", "weeks"), [(0, 1), (1, 1), (7, 1), (7.01, 2), (20, 3)])
def test_next_pass_is_expected_a_whole_number_of_weeks_later(days_later: float, weeks: int) -> None:
    assert next_expected(AT, at=AT + timedelta(days=days_later)) == AT + timedelta(weeks=weeks)
