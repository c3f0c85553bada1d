"""The worker's hand for road condition, beside the findings so that neither waits for the other."""

import threading
from typing import Any, Final

from psycopg import Connection

from cloud.condition.passes import note_passes
from cloud.condition.rules import ConditionRules
from cloud.condition.step import update_conditions
from cloud.work.hands import keep_at, utc_now

POLL_S: Final = 1.0


def look_after_roads(url: str, rules: ConditionRules, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""

    def follow(connection: Connection[Any]) -> None:
        while not stop.is_set():
            update_conditions(connection, rules=rules, now=utc_now, should_stop=stop.is_set)
            note_passes(connection, rules=rules, now=utc_now, should_stop=stop.is_set)
            stop.wait(POLL_S)

    keep_at("roads", follow, url=url, stop=stop)
