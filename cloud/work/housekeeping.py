"""The worker's hand for the purge: once a day at a quiet hour, by one worker of all."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg
from obstore.exceptions import BaseError
from psycopg import Connection

from cloud.db.migrate import check_current
from cloud.db.pool import WORKER, connect
from cloud.errors import ClockError, ConfigError, UnavailableError
from cloud.work.hands import utc_now
from cloud.work.retention import Report, Store, alone, last_report, purge
from cloud.work.retention_rules import RetentionRules, is_due

POLL_S: Final = 60.0
RETRY_S: Final = 900.0
SELDOM: Final = timedelta(days=31)
"""So long a server that is kept is not without a purge: its clock may have jumped, and what that deletes is gone."""

_log = logging.getLogger(__name__)


def look_after_retention(
    url: str, open_store: Callable[[], Store], rules: RetentionRules, zone: ZoneInfo, stop: threading.Event
) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database or store that fails is tried again."""
    try:
        while not stop.is_set():
            wait_s = POLL_S
            try:
                check_current(url)
                with connect(url, autocommit=True, name=WORKER) as connection:
                    purge_when_due(connection, open_store, rules, zone=zone, now=utc_now, should_stop=stop.is_set)
            except (UnavailableError, ClockError, ConfigError, psycopg.Error, BaseError, OSError) as error:
                _log.warning("retention_interrupted error=%s", error)
                wait_s = RETRY_S
            stop.wait(wait_s)
    finally:
        stop.set()


def purge_when_due(
    connection: Connection[Any],
    open_store: Callable[[], Store],
    rules: RetentionRules,
    *,
    zone: ZoneInfo,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
) -> Report | None:
    """Purge when the quiet hour has come and nobody has done it yet. The connection is in autocommit.

    Raises:
        ClockError: a person has to say that the clock is right.
    """
    if not _is_due(connection, rules, zone, at=now()):
        return None
    with alone(connection, waits=False) as is_alone:
        if not is_alone or not _is_due(connection, rules, zone, at=now()):  # another worker was faster
            return None
        report = purge(connection, open_store(), rules, at=now(), should_stop=should_stop)
    if report is not None:
        deleted = sum(each.deleted for each in report.classes)
        _log.info("retention_done deleted=%d is_proven=%s", deleted, report.is_proven)
    return report


def _is_due(connection: Connection[Any], rules: RetentionRules, zone: ZoneInfo, *, at: datetime) -> bool:
    last = last_report(connection, at=at)
    if last is not None and at - last[0] > SELDOM:
        days = (at - last[0]).days
        raise ClockError(
            f"the last purge was {days} days ago by this clock ({at:%Y-%m-%d %H:%M} UTC): if it is right, "
            "`busense retention run` purges now, and from then on each day by itself"
        )
    return is_due(last[0] if last is not None else None, at=at, hour=rules.hour, zone=zone)
