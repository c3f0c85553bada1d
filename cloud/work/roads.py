"""The worker's second hand: road condition, beside the findings so that neither waits for the other."""

import logging
import threading
from datetime import UTC, datetime
from typing import Final

import psycopg

from cloud.condition.passes import note_passes
from cloud.condition.rules import ConditionRules
from cloud.condition.step import update_conditions
from cloud.db.migrate import check_current
from cloud.db.pool import connect
from cloud.errors import UnavailableError

POLL_S: Final = 1.0

_log = logging.getLogger(__name__)


def look_after_roads(url: str, rules: ConditionRules, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    try:
        while not stop.is_set():
            try:
                check_current(url)
                _follow(url, rules, stop)
            except (UnavailableError, psycopg.OperationalError) as error:
                _log.warning("roads_interrupted error=%s", type(error).__name__)
                stop.wait(POLL_S)
    finally:
        stop.set()


def _follow(url: str, rules: ConditionRules, stop: threading.Event) -> None:
    with connect(url, autocommit=True) as connection:
        while not stop.is_set():
            update_conditions(connection, rules=rules, now=_utc_now, should_stop=stop.is_set)
            note_passes(connection, rules=rules, now=_utc_now, should_stop=stop.is_set)
            stop.wait(POLL_S)


def _utc_now() -> datetime:
    return datetime.now(UTC)
