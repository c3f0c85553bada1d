from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.notify.timing import RETRIES, retry_at, send_at

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
