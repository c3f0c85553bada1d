"""The worker's hand for driving: incidents and exposure, beside the findings so that neither waits for the other."""

import threading
from datetime import UTC, datetime
from typing import Final

from cloud.db.pool import connect
from cloud.driving.rules import DrivingRules
from cloud.driving.step import note_driving
from cloud.work.hands import keep_at

POLL_S: Final = 2.0


def look_after_driving(url: str, rules: DrivingRules, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    keep_at("driving", lambda: _follow(url, rules, stop), url=url, stop=stop)


def _follow(url: str, rules: DrivingRules, stop: threading.Event) -> None:
    with connect(url, autocommit=True) as connection:
        while not stop.is_set():
            note_driving(connection, rules=rules, now=_utc_now, should_stop=stop.is_set)
            stop.wait(POLL_S)


def _utc_now() -> datetime:
    return datetime.now(UTC)
