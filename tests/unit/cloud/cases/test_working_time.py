from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cases.handling import shipped_handling
from cloud.cases.working_time import add_working, end_of_workday, working_between

CALENDAR = shipped_handling().working_calendar
CHINA = ZoneInfo("Asia/Shanghai")
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
DURATIONS = st.integers(0, 400 * 3600).map(lambda seconds: timedelta(seconds=seconds))


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("from_at", "hours", "expected"),
    [
        ("2026-11-24T09:00", 1, "2026-11-24T10:00"),
        ("2026-11-24T11:00", 2, "2026-11-24T15:00"),
        ("2026-11-24T17:00", 1, "2026-11-25T09:00"),
        ("2026-11-27T17:00", 1, "2026-11-30T09:00"),
        ("2026-11-28T10:00", 1, "2026-11-30T09:30"),
        ("2026-09-30T17:00", 24, "2026-10-12T11:00"),
        ("2026-02-13T17:30", 7, "2026-02-14T17:30"),
    ],
    ids=[
        "morning",
        "noon",
        "evening",
        "weekend",
        "begun on a Saturday",
        "National Day, worked Saturday",
        "worked Saturday",
    ],
)
def test_working_hours_are_counted_over_breaks(from_at: str, hours: float, expected: str) -> None:
    assert add_working(CALENDAR, china(from_at), timedelta(hours=hours)) == china(expected)


def test_the_longest_limit_that_a_file_may_name_ends_some_day() -> None:
    due_at = add_working(CALENDAR, china("2026-11-24T09:00"), timedelta(hours=100_000))

    assert due_at.year == 2081


@given(at=MOMENTS, duration=DURATIONS)
def test_time_between_is_what_was_added(at: datetime, duration: timedelta) -> None:
    assert working_between(CALENDAR, at, add_working(CALENDAR, at, duration)) == duration


@given(at=MOMENTS, first=DURATIONS, second=DURATIONS)
def test_adding_twice_is_adding_the_sum(at: datetime, first: timedelta, second: timedelta) -> None:
    assert add_working(CALENDAR, add_working(CALENDAR, at, first), second) == add_working(CALENDAR, at, first + second)


@given(at=MOMENTS, duration=DURATIONS, later=DURATIONS)
def test_later_begun_is_never_earlier_due(at: datetime, duration: timedelta, later: timedelta) -> None:
    assert add_working(CALENDAR, at, duration) <= add_working(CALENDAR, at + later, duration)


@given(at=MOMENTS, duration=st.integers(1, 400 * 3600))
def test_due_lies_in_working_time(at: datetime, duration: int) -> None:
    due_at = add_working(CALENDAR, at, timedelta(seconds=duration)).astimezone(CHINA)

    assert CALENDAR.is_workday(due_at.date())
    assert any(begins < due_at.time() <= ends for begins, ends in CALENDAR.hours)


def test_no_time_goes_by_backwards() -> None:
    assert working_between(CALENDAR, china("2026-11-25T09:00"), china("2026-11-24T09:00")) == timedelta()


@pytest.mark.parametrize(
    ("day", "is_workday"),
    [
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),
        (date(2026, 10, 11), False),
        (date(2026, 2, 28), True),
        (date(2027, 10, 1), True),
    ],
    ids=["National Day", "Saturday that is worked", "Sunday", "another", "a year nobody has published"],
)
def test_official_days_decide(day: date, *, is_workday: bool) -> None:
    assert CALENDAR.is_workday(day) is is_workday


@pytest.mark.parametrize(
    ("at", "days", "closes"),
    [
        ("2026-09-21T10:00", 1, "2026-09-22T17:30"),
        ("2026-09-21T23:00", 1, "2026-09-22T17:30"),
        ("2026-09-24T09:00", 2, "2026-09-29T17:30"),  # the Mid-Autumn holiday is 25 to 27
        ("2026-09-18T09:00", 2, "2026-09-21T17:30"),  # Sunday the 20th is worked
        ("2026-09-24T09:00", 15, "2026-10-22T17:30"),  # and October 1 to 7 are free, the 10th is worked
    ],
    ids=["next day", "asked at night", "over a holiday", "a worked Sunday", "fifteen days"],
)
def test_days_to_answer_are_working_days_after_the_day_of_asking(at: str, days: int, closes: str) -> None:
    assert end_of_workday(CALENDAR, china(at), days) == china(closes)
