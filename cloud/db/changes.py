"""What live viewers are told, written in the transaction of the change itself."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

CHANNEL: Final = "busense_changes"

_INSERT: Final = """
INSERT INTO changes (kind, subject, payload)
SELECT %s, told ->> 'subject', told -> 'payload' FROM jsonb_array_elements(%s) WITH ORDINALITY AS n(told, number)
ORDER BY number
"""
_NOTIFY: Final = "SELECT pg_notify(%s, '')"  # many in one transaction arrive as one


def tell(connection: Connection[Any], *, kind: str, subject: str, payload: dict[str, Any]) -> None:
    """Note a change for the viewers; it reaches them after the commit."""
    tell_all(connection, kind=kind, changes=[(subject, payload)])


def tell_all(connection: Connection[Any], *, kind: str, changes: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Note changes of one kind, each with its subject."""
    if changes:
        told = [{"subject": subject, "payload": payload} for subject, payload in changes]
        connection.execute(_INSERT, (kind, Jsonb(told)))
        connection.execute(_NOTIFY, (CHANNEL,))
