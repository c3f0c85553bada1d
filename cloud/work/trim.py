"""Old changes go: whoever was away for so long loads the lists anew."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

KEPT_FOR: Final = timedelta(hours=1)
KEPT_AT_LEAST: Final = 10_000

_TRIM: Final = """
DELETE FROM changes WHERE at < %(before)s
    AND (xid, id) < (SELECT xid, id FROM changes ORDER BY xid DESC, id DESC OFFSET %(kept)s LIMIT 1)
"""


def trim_changes(connection: Connection[Any], *, at: datetime) -> int:
    """Delete changes that are old and not among the newest; returns how many."""
    return connection.execute(_TRIM, {"before": at - KEPT_FOR, "kept": KEPT_AT_LEAST}).rowcount
