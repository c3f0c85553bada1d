"""The worker's second hand: road condition, beside the findings so that neither waits for the other."""

import threading
from datetime import UTC, datetime
from typing import Final

from cloud.condition.passes import note_passes
from cloud.condition.rules import ConditionRules
from cloud.condition.step import update_conditions
from cloud.db.pool import WORKER, connect
from cloud.work.hands import keep_at

POLL_S: Final = 1.0


def look_after_roads(url: str, rules: ConditionRules, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    keep_at("roads", lambda: _follow(url, rules, stop), url=url, stop=stop)


def _follow(url: str, rules: ConditionRules, stop: threading.Event) -> None:
    with connect(url, autocommit=True, name=WORKER) as connection:
        while not stop.is_set():
            update_conditions(connection, rules=rules, now=_utc_now, should_stop=stop.is_set)
            note_passes(connection, rules=rules, now=_utc_now, should_stop=stop.is_set)
            stop.wait(POLL_S)


def _utc_now() -> datetime:
    return datetime.now(UTC)
