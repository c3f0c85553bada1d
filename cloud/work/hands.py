"""How the worker's other hands go on: each in a thread of its own, so that none waits for another."""

import logging
import threading
from collections.abc import Callable
from typing import Final

import psycopg

from cloud.db.migrate import check_current
from cloud.errors import UnavailableError

RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


def keep_at(hand: str, work: Callable[[], None], *, url: str, stop: threading.Event) -> None:
    """Work until `stop` is set, and set it when something is wrong; a database that is away is waited for."""
    try:
        while not stop.is_set():
            try:
                check_current(url)
                work()
            except (UnavailableError, psycopg.OperationalError) as error:
                _log.warning("hand_interrupted hand=%s error=%s", hand, type(error).__name__)
                stop.wait(RETRY_S)
    finally:
        stop.set()
