"""What is to be told outside: written with the change itself, sent later by the notifier."""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection

_PUT: Final = "INSERT INTO case_events (case_id, serial) VALUES (%s, %s)"


def put(connection: Connection[Any], *, case_id: UUID, serial: int) -> None:
    """Note that a line of history is to be told."""
    connection.execute(_PUT, (case_id, serial))
