"""What is to be told outside: written with the change itself, sent later by the notifier."""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from telemetry.logs import MOST_IDS, current_events

_PUT: Final = "INSERT INTO case_events (case_id, serial, event_ids) VALUES (%s, %s, %s::uuid[])"


def put(connection: Connection[Any], *, case_id: UUID, serial: int) -> None:
    """Note that a line of history is to be told, and which events of buses led to it."""
    connection.execute(_PUT, (case_id, serial, list(current_events()[:MOST_IDS])))
