"""Days of the county's calendar, wherever the county lies."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud.api.travel_desk import end_of, traveller_row


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Lima", "Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("day", [date(2027, 1, 31), date(9999, 12, 31)])
def test_a_consent_that_ends_with_a_day_shows_that_day(zone: str, day: date) -> None:
    county = ZoneInfo(zone)
    assert traveller_row({"consent_until": end_of(day, county)}, county)["consent_until"] == day


def test_a_day_ends_by_the_countys_clock() -> None:
    end = end_of(date(2027, 1, 31), ZoneInfo("Asia/Shanghai"))
    assert end == datetime(2027, 1, 31, 15, 59, 59, 999_999, tzinfo=UTC)


def test_nobody_s_consent_has_no_day() -> None:
    assert traveller_row({"consent_until": None}, ZoneInfo("UTC"))["consent_until"] is None
