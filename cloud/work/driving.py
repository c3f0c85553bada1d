"""The worker's hand for driving, beside the findings: incidents and exposure; looks at drivers end in time."""

import threading
from typing import Any, Final

from psycopg import Connection

from cloud.driving.looks import Looks
from cloud.driving.rules import DrivingRules
from cloud.driving.step import note_driving
from cloud.people.model import Actor, Role
from cloud.work.hands import keep_at, utc_now

POLL_S: Final = 2.0
SYSTEM: Final = Actor(name="system", role=Role.SYSTEM)


def look_after_driving(url: str, rules: DrivingRules, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def follow(connection: Connection[Any]) -> None:
        while not stop.is_set():
            note_driving(connection, rules=rules, now=utc_now, should_stop=stop.is_set)
            with connection.transaction():
                Looks(connection=connection, at=utc_now(), actor=SYSTEM).end_those_over()
            stop.wait(POLL_S)

    keep_at("driving", follow, url=url, stop=stop)
