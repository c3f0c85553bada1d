"""The record of who did what with buses and roll-outs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

_NOTE: Final = """
INSERT INTO fleet_log (at, actor, action, city, device, roll_out, reason, details)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def note(
    connection: Connection[Any],
    *,
    at: datetime,
    actor: str,
    action: str,
    city: str | None = None,
    device: str | None = None,
    roll_out: UUID | None = None,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note it, in the transaction in which it is done."""
    connection.execute(_NOTE, (at, actor, action, city, device, roll_out, reason, Jsonb(dict(details or {}))))
