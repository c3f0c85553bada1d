"""How often the public form may be sent: counted in the database, so for all `serve` processes together."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from cloud.db.value import fetch_value

MOST_OF_NETWORK: Final = 5  # an hour: a family or an office behind one address
MOST_OF_ALL: Final = 300  # a day: more than an office can look at, less than what fills a disk
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_LOCK_KEY: Final = 0x6E6F74  # "not": one after the other, or two at once would both be the last that is free

_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
_SWEEP: Final = "DELETE FROM notice_sends WHERE at < %s"
_OLDEST: Final = """
SELECT at FROM notice_sends WHERE network = %s AND at > %s ORDER BY at DESC OFFSET %s LIMIT 1
"""
_OLDEST_OF_ALL: Final = "SELECT at FROM notice_sends ORDER BY at DESC OFFSET %s LIMIT 1"
_NOTE: Final = "INSERT INTO notice_sends (network, at) VALUES (%s, %s)"


def take_send(connection: Connection[Any], network: str, *, at: datetime) -> timedelta:
    """Count a form in the caller's transaction; when there were too many, tell how long to wait and count nothing."""
    connection.execute(_LOCK, (_LOCK_KEY,))
    connection.execute(_SWEEP, (at - _DAY,))
    nearest = fetch_value(connection, _OLDEST, (network, at - _HOUR, MOST_OF_NETWORK - 1))
    of_all = fetch_value(connection, _OLDEST_OF_ALL, (MOST_OF_ALL - 1,))
    waits = [oldest + span - at for oldest, span in ((nearest, _HOUR), (of_all, _DAY)) if oldest is not None]
    if wait := max(waits, default=timedelta()):
        return wait
    connection.execute(_NOTE, (network, at))
    return wait
