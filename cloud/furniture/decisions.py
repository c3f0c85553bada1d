"""What a person says of a thing: it was removed on purpose; and taking that back."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.cases.model import Reason
from cloud.errors import ThingNotFoundError
from cloud.furniture.removals import Removal, note, put_on, take_off
from cloud.furniture.repository import mark_due
from wire.envelope import make_id

_LOCK: Final = "SELECT removal FROM inventory.things WHERE id = %s FOR UPDATE"


def remove(connection: Connection[Any], thing_id: UUID, *, actor: str, reason: str, at: datetime) -> None:
    """Note that a thing was taken away on purpose: whoever misses it is right. Again it changes nothing.

    Raises:
        ThingNotFoundError: there is none.
    """
    if _standing(connection, thing_id) is None:
        removed = Removal(removal=UUID(make_id(at)), removed_at=at, removed_by=actor, removed_reason=reason)
        put_on(connection, thing_id, removed, at=at)
        words = Reason.as_written(reason)
        note(connection, removed.removal, "remove", thing_id=thing_id, actor=actor, reason=words, at=at)


def keep(connection: Connection[Any], thing_id: UUID, *, actor: str, reason: str, at: datetime) -> None:
    """Take it back: passes judge the thing again. What is not removed stays as it is.

    Raises:
        ThingNotFoundError: there is none.
    """
    removal = _standing(connection, thing_id)
    if removal is not None:
        take_off(connection, thing_id, removal, at=at)
        words = Reason.as_written(reason)
        note(connection, removal, "keep", thing_id=thing_id, actor=actor, reason=words, at=at)


def _standing(connection: Connection[Any], thing_id: UUID) -> UUID | None:
    """The decision that holds, with the thing held; due first, as the worker takes both in this order."""
    mark_due(connection, [thing_id])
    row = connection.execute(_LOCK, (thing_id,)).fetchone()
    if row is None:
        raise ThingNotFoundError(f"there is no thing {thing_id}")
    return row[0]
