"""What live viewers are told, written in the transaction of the change itself."""

from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

CHANNEL: Final = "busense_changes"

_INSERT: Final = "INSERT INTO changes (kind, subject, payload) VALUES (%s, %s, %s)"
_NOTIFY: Final = "SELECT pg_notify(%s, '')"  # many in one transaction arrive as one


def tell(connection: Connection[Any], *, kind: str, subject: str, payload: dict[str, Any]) -> None:
    """Note a change for the viewers; it reaches them after the commit."""
    connection.execute(_INSERT, (kind, subject, Jsonb(payload)))
    connection.execute(_NOTIFY, (CHANNEL,))
