"""Counts of wrong passwords in the database; an attempt is counted before the password is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from cloud.people.delays import FORGOTTEN_AFTER, wait_of

_LOCK: Final = """
SELECT key, failures, last_at FROM sign_in_failures WHERE key = ANY(%s) ORDER BY key FOR UPDATE
"""
_COUNT: Final = """
INSERT INTO sign_in_failures AS s (key, failures, last_at) SELECT unnest(%(keys)s::text[]), 1, %(at)s
ON CONFLICT ON CONSTRAINT sign_in_failures_pkey DO UPDATE
SET failures = CASE WHEN s.last_at < %(forgotten)s THEN 1 ELSE s.failures + 1 END, last_at = EXCLUDED.last_at
"""
_FORGIVE: Final = """
UPDATE sign_in_failures SET failures = CASE
    WHEN key LIKE 'pair:%%' OR key LIKE 'browser:%%' THEN 0 ELSE greatest(failures - 1, 0) END
WHERE key = ANY(%s)
"""
_TAKE_BACK: Final = "UPDATE sign_in_failures SET failures = greatest(failures - 1, 0) WHERE key = ANY(%s)"
_SWEEP: Final = "DELETE FROM sign_in_failures WHERE last_at < %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to sign in."""

    connection: Connection[Any]
    keys: Sequence[str]
    at: datetime

    def begin(self) -> timedelta:
        """Count it as failed, unless it is too early: then tell how long to wait, and count nothing."""
        rows = self.connection.execute(_LOCK, (list(self.keys),)).fetchall()
        waits = [wait_of(key, failures=failures, last_at=last_at, at=self.at) for key, failures, last_at in rows]
        wait = max(waits, default=timedelta(0))
        if not wait:
            forgotten = self.at - FORGOTTEN_AFTER
            self.connection.execute(_SWEEP, (forgotten,))
            self.connection.execute(_COUNT, {"keys": list(self.keys), "at": self.at, "forgotten": forgotten})
        return wait

    def take_back(self) -> None:
        """It was neither right nor wrong yet; what was wrong before stays counted."""
        self.connection.execute(_TAKE_BACK, (list(self.keys),))

    def forgive(self) -> None:
        """It was right."""
        self.connection.execute(_FORGIVE, (list(self.keys),))
