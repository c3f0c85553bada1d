"""Old changes go: whoever was away for so long loads the lists anew."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from cloud.db.value import fetch_value

KEPT_FOR: Final = timedelta(hours=1)
KEPT_AT_LEAST: Final = 10_000

_TRIM: Final = """
WITH trimmed AS (
    DELETE FROM changes WHERE at < %(before)s
        AND (xid, id) < (SELECT xid, id FROM changes ORDER BY xid DESC, id DESC OFFSET %(kept)s LIMIT 1)
    RETURNING xid, id
), noted AS (
    INSERT INTO trimmed_changes AS t (xid, id) SELECT xid, id FROM trimmed ORDER BY xid DESC, id DESC LIMIT 1
    ON CONFLICT ON CONSTRAINT trimmed_changes_pkey DO UPDATE SET xid = EXCLUDED.xid, id = EXCLUDED.id
    WHERE (t.xid, t.id) < (EXCLUDED.xid, EXCLUDED.id)
)
SELECT count(*) FROM trimmed
"""


def trim_changes(connection: Connection[Any], *, at: datetime) -> int:
    """Delete changes that are old and not among the newest; returns how many."""
    return fetch_value(connection, _TRIM, {"before": at - KEPT_FOR, "kept": KEPT_AT_LEAST})
