"""When the purge is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud.errors import ConfigError
from cloud.work.retention_rules import is_due, load_retention

CHINA = ZoneInfo("Asia/Shanghai")
THREE = datetime(2026, 11, 27, 19, tzinfo=UTC)  # three in the morning of the 28th in China
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("last_at", "at", "expected"),
    [
        pytest.param(None, THREE - MINUTE, True, id="never yet"),
        pytest.param(THREE - DAY, THREE - MINUTE, False, id="before the hour"),
        pytest.param(THREE - DAY, THREE, True, id="at the hour"),
        pytest.param(THREE, THREE + 2 * MINUTE, False, id="done today"),
        pytest.param(THREE - 12 * timedelta(hours=1), THREE + MINUTE, True, id="by hand at noon of yesterday"),
        pytest.param(THREE - 2 * DAY, THREE - MINUTE, True, id="missed while everything was off"),
    ],
)
def test_once_a_day_after_the_quiet_hour(last_at: datetime | None, at: datetime, expected: object) -> None:
    assert is_due(last_at, at=at, hour=3, zone=CHINA) is expected


@pytest.mark.parametrize("days", ["1e9", "inf", "0"])
def test_days_that_no_calendar_holds_are_refused_by_their_line(tmp_path: Path, days: str) -> None:
    rules = tmp_path / "retention.toml"
    rules.write_text(f"hour = 3\n\n[sessions]\ndays = {days}\n")
    with pytest.raises(ConfigError, match=r"line 4: sessions\.days"):
        load_retention(rules)


def test_shipped_rules_name_every_class() -> None:
    rules = load_retention(None)
    assert [name for name in type(rules).model_fields if getattr(rules, name) is None] == []
