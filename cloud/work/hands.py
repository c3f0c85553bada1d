"""How the worker's other hands go on: each in a thread of its own, so that none waits for another."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import Connection

from cloud.db.migrate import check_current
from cloud.db.pool import WORKER, connect
from cloud.errors import UnavailableError

RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


def keep_at(hand: str, work: Callable[[Connection[Any]], None], *, url: str, stop: threading.Event) -> None:
    """Work until `stop` is set, and set it when something is wrong; a database that is away is waited for.

    Args:
        hand: its name in the log.
        work: what it does with its connection, which is in autocommit, until `stop` is set.
        url: of the database.
        stop: ends all hands.
    """
    try:
        while not stop.is_set():
            try:
                check_current(url)
                with connect(url, autocommit=True, name=WORKER) as connection:
                    work(connection)
            except (UnavailableError, psycopg.OperationalError) as error:
                _log.warning("hand_interrupted hand=%s error=%s", hand, type(error).__name__)
                stop.wait(RETRY_S)
    finally:
        stop.set()


def utc_now() -> datetime:
    """The hands' clock."""
    return datetime.now(UTC)
