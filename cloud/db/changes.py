"""What live viewers are told, written in the transaction of the change itself."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

CHANNEL: Final = "busense_changes"

QUIET: Final = 0x62757361  # class of the lock of transactions that tell nothing of buses

_KEEP_QUIET: Final = """
SELECT pg_advisory_xact_lock((%s::bigint << 32) | pg_current_xact_id()::text::bigint %% 4294967296)
"""
_INSERT: Final = """
INSERT INTO changes (kind, subject, payload)
SELECT %s, told ->> 'subject', told -> 'payload' FROM jsonb_array_elements(%s) WITH ORDINALITY AS n(told, number)
ORDER BY number
"""
_NOTIFY: Final = "SELECT pg_notify(%s, '')"  # many in one transaction arrive as one


def keep_quiet_of_buses(connection: Connection[Any]) -> None:
    """Say that this transaction tells nothing of observations and buses: what others tell of them need not wait for it.

    For a transaction that takes long; within the caller's transaction, which this makes one that writes.
    """
    connection.execute(_KEEP_QUIET, (QUIET,))


def tell(connection: Connection[Any], *, kind: str, subject: str, payload: dict[str, Any]) -> None:
    """Note a change for the viewers; it reaches them after the commit."""
    tell_all(connection, kind=kind, changes=[(subject, payload)])


def tell_all(connection: Connection[Any], *, kind: str, changes: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Note changes of one kind, each with its subject."""
    if changes:
        told = [{"subject": subject, "payload": payload} for subject, payload in changes]
        connection.execute(_INSERT, (kind, Jsonb(told)))
        connection.execute(_NOTIFY, (CHANNEL,))
