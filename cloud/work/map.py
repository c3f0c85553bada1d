"""The worker's hand for map and summary: findings by cell and tallies are counted right after each change."""

import logging
import threading
from typing import Final

import psycopg

from cloud.db.changes import CHANNEL
from cloud.db.migrate import check_current
from cloud.db.pool import connect
from cloud.db.tallies import add_up_tallies
from cloud.errors import UnavailableError
from cloud.findings.map_cells import count_marked_cells

POLL_S: Final = 0.5
RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


def look_after_map(url: str, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    try:
        while not stop.is_set():
            try:
                check_current(url)
                _follow(url, stop)
            except (UnavailableError, psycopg.OperationalError) as error:
                _log.warning("map_interrupted error=%s", type(error).__name__)
                stop.wait(RETRY_S)
    finally:
        stop.set()


def _follow(url: str, stop: threading.Event) -> None:
    with connect(url, autocommit=True) as listener, connect(url, autocommit=True) as connection:
        listener.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set():
            count_marked_cells(connection)
            add_up_tallies(connection)
            for _ in listener.notifies(timeout=POLL_S, stop_after=1):
                pass
