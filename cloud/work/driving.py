"""The worker's hand for driving, beside the findings: incidents and exposure; looks at drivers end in time."""

import threading
from datetime import UTC, datetime
from typing import Final

from cloud.db.pool import WORKER, connect
from cloud.driving.looks import Looks
from cloud.driving.rules import DrivingRules
from cloud.driving.step import note_driving
from cloud.people.model import Actor, Role
from cloud.work.hands import keep_at

POLL_S: Final = 2.0
SYSTEM: Final = Actor(name="system", role=Role.SYSTEM)


def look_after_driving(url: str, rules: DrivingRules, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    keep_at("driving", lambda: _follow(url, rules, stop), url=url, stop=stop)


def _follow(url: str, rules: DrivingRules, stop: threading.Event) -> None:
    with connect(url, autocommit=True, name=WORKER) as connection:
        while not stop.is_set():
            note_driving(connection, rules=rules, now=_utc_now, should_stop=stop.is_set)
            with connection.transaction():
                Looks(connection=connection, at=_utc_now(), actor=SYSTEM).end_those_over()
            stop.wait(POLL_S)


def _utc_now() -> datetime:
    return datetime.now(UTC)
