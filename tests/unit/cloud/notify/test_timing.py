from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.notify.timing import RETRIES, asked_wait_s, retry_at, send_at

CHINA = ZoneInfo("Asia/Shanghai")
NIGHT = (time(22), time(7))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone added


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("at", "quiet", "digest_min", "expected"),
    [
        ("2026-11-24T12:03", None, 0, "2026-11-24T12:03"),
        ("2026-11-24T12:03", NIGHT, 0, "2026-11-24T12:03"),
        ("2026-11-24T23:00", NIGHT, 0, "2026-11-25T07:00"),
        ("2026-11-25T03:00", NIGHT, 0, "2026-11-25T07:00"),
        ("2026-11-25T07:00", NIGHT, 0, "2026-11-25T07:00"),
        ("2026-11-24T12:30", (time(12), time(14)), 0, "2026-11-24T14:00"),
        ("2026-11-24T12:03", None, 60, "2026-11-24T13:00"),
        ("2026-11-24T21:30", NIGHT, 60, "2026-11-25T07:00"),
        ("2026-11-24T12:03", None, 1440, "2026-11-25T00:00"),
        ("2026-11-24T12:03", (time(8), time(8)), 0, "2026-11-24T12:03"),
    ],
)
def test_people_are_told_at_their_time(
    at: str, quiet: tuple[time, time] | None, digest_min: int, expected: str
) -> None:
    assert send_at(china(at), quiet=quiet, digest_min=digest_min, zone=CHINA) == china(expected)


@given(at=MOMENTS, digest_min=st.integers(0, 1440), begins=st.times(), ends=st.times())
def test_nobody_is_told_before_it_happened_or_days_later(
    at: datetime, digest_min: int, begins: time, ends: time
) -> None:
    when = send_at(
        at, quiet=(begins.replace(microsecond=0), ends.replace(microsecond=0)), digest_min=digest_min, zone=CHINA
    )

    assert at <= when <= at + timedelta(days=2)


def test_retries_become_rarer_and_end() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    waits = [retry_at(at, attempts=number, chance=0.5) for number in range(1, len(RETRIES) + 1)]

    assert waits == sorted(waits, key=lambda wait: wait or at)
    assert retry_at(at, attempts=len(RETRIES) + 1, chance=0.5) is None


@pytest.mark.parametrize(
    ("retry_after", "expected_s"),
    [
        ("600", 600),
        ("Tue, 24 Nov 2026 00:10:00 GMT", 600),
        ("Mon, 23 Nov 2026 00:00:00 GMT", 0),
        ("Tue, 24 Nov 2026 00:10:00 -0000", 0),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_a_wish_to_be_left_alone_is_seconds_or_a_date(retry_after: str, expected_s: float) -> None:
    assert asked_wait_s(retry_after, datetime(2026, 11, 24, tzinfo=UTC)) == expected_s


@pytest.mark.parametrize(
    ("asked_s", "expected"),
    [(1.0, RETRIES[0]), (600.0, timedelta(minutes=10)), (9.0**99, RETRIES[-1])],
    ids=["shorter than we wait", "longer", "for ever"],
)
def test_who_wants_to_be_left_alone_is_within_reason(asked_s: float, expected: timedelta) -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    assert retry_at(at, attempts=1, chance=0.5, asked_s=asked_s) == at + expected
