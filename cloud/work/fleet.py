"""The worker's hand for roll-outs: what buses have reported is noted, and the next group begins when it may."""

import logging
import threading
from datetime import UTC, datetime
from typing import Final

import psycopg

from cloud.db.migrate import check_current
from cloud.db.pool import connect
from cloud.errors import UnavailableError
from cloud.fleet.rollouts import carry_on

LOOK_EVERY_S: Final = 2.0
RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


def look_after_roll_outs(url: str, stop: threading.Event) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    try:
        while not stop.is_set():
            try:
                check_current(url)
                _follow(url, stop)
            except (UnavailableError, psycopg.OperationalError) as error:
                _log.warning("roll_outs_interrupted error=%s", type(error).__name__)
                stop.wait(RETRY_S)
    finally:
        stop.set()


def _follow(url: str, stop: threading.Event) -> None:
    with connect(url, autocommit=True) as connection:
        while not stop.is_set():
            if not carry_on(connection, at=datetime.now(UTC)):
                stop.wait(LOOK_EVERY_S)
