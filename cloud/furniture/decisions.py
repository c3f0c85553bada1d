"""What a person says of a thing: it was removed on purpose; and taking that back."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.errors import ThingNotFoundError
from cloud.furniture.repository import mark_due

_REMOVE: Final = """
UPDATE inventory.things SET state = 'removed', state_since = %(at)s, removed_at = %(at)s, removed_by = %(actor)s,
    removed_reason = %(reason)s
WHERE id = %(id)s AND state <> 'removed'
"""
_KEEP: Final = """
UPDATE inventory.things SET state = 'expected', state_since = %(at)s, removed_at = NULL, removed_by = NULL,
    removed_reason = NULL
WHERE id = %(id)s AND state = 'removed'
"""
_IS_THERE: Final = "SELECT 1 FROM inventory.things WHERE id = %s"


def remove(connection: Connection[Any], thing_id: UUID, *, actor: str, reason: str, at: datetime) -> None:
    """Note that a thing was taken away on purpose: whoever misses it is right. Again it changes nothing.

    Raises:
        ThingNotFoundError: there is none.
    """
    connection.execute(_REMOVE, {"id": thing_id, "actor": actor, "reason": reason, "at": at})
    _judge_again(connection, thing_id)


def keep(connection: Connection[Any], thing_id: UUID, *, at: datetime) -> None:
    """Take it back: passes judge the thing again.

    Raises:
        ThingNotFoundError: there is none.
    """
    connection.execute(_KEEP, {"id": thing_id, "at": at})
    _judge_again(connection, thing_id)


def _judge_again(connection: Connection[Any], thing_id: UUID) -> None:
    if connection.execute(_IS_THERE, (thing_id,)).fetchone() is None:
        raise ThingNotFoundError(f"there is no thing {thing_id}")
    mark_due(connection, [thing_id])
