"""Counts that are kept: `tallies`, and `tally_changes` that are not added up yet. Whoever reads adds both."""

from typing import Any, Final

from psycopg import Connection

from cloud.db.value import fetch_value

# One adds up at a time; the others find nothing to do.
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('busense.tallies', 0))"
_ADD_UP: Final = """
WITH taken AS (DELETE FROM tally_changes RETURNING subject, key, n)
INSERT INTO tallies AS t (subject, key, n) SELECT subject, key, sum(n) FROM taken GROUP BY subject, key
ON CONFLICT ON CONSTRAINT tallies_pkey DO UPDATE SET n = t.n + EXCLUDED.n
"""


def add_up_tallies(connection: Connection[Any]) -> None:
    """Put what has changed into the counts."""
    with connection.transaction():
        if fetch_value(connection, _LOCK):
            connection.execute(_ADD_UP)
