"""That a thing was removed on purpose: a decision with a chain of its own, which stays with the thing that it is of.

What turns out to be one thing with another hands it over, so that it is not missed under its new number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from cloud.cases.chain import REMOVALS, Deed
from cloud.cases.model import Reason

BECAME_ONE: Final = Reason(zh="与另一设施为同一件", en="it is one thing with another")
_LEADS_TO: Final = {"remove": "removed", "move": "removed", "merge": "merged", "keep": "kept"}
_PUT_ON: Final = """
UPDATE inventory.things SET state = 'removed', state_since = %(at)s, removal = %(removal)s, removed_at = %(removed_at)s,
    removed_by = %(removed_by)s, removed_reason = %(removed_reason)s
WHERE id = %(id)s AND removal IS NULL
"""
_TAKE_OFF: Final = """
UPDATE inventory.things SET state = 'expected', state_since = %(at)s, removal = NULL, removed_at = NULL,
    removed_by = NULL, removed_reason = NULL
WHERE id = %(id)s AND removal = %(removal)s
"""
# Of two things that are one: an imported one takes the place of a learned one, as in `take_due`.
_GIVEN_UP: Final = """
WITH pairs AS (
    SELECT t.id AS part, g.id AS whole, t.source = 'imported' AND g.source = 'learned'
        AND NOT EXISTS (SELECT FROM inventory.problems p WHERE p.thing_id = g.id) AS is_replaced
    FROM inventory.findings f JOIN inventory.things t ON t.id = f.id JOIN inventory.things g ON g.id = f.merged_into
    WHERE f.id = ANY(%s)
)
SELECT o.id, CASE WHEN is_replaced THEN part ELSE whole END AS stays, o.removal, o.removed_at, o.removed_by,
    o.removed_reason
FROM pairs JOIN inventory.things o ON o.id = CASE WHEN is_replaced THEN whole ELSE part END
WHERE o.removal IS NOT NULL ORDER BY o.removed_at, o.id FOR UPDATE OF o
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Who said that a thing was removed on purpose, when and why."""

    removal: UUID
    removed_at: datetime
    removed_by: str
    removed_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _GivenUp(Removal):
    id: UUID
    stays: UUID


def put_on(connection: Connection[Any], thing_id: UUID, removed: Removal, *, at: datetime) -> bool:
    """Let a thing be removed from now on; false when it is already."""
    values = {name: getattr(removed, name) for name in Removal.__slots__} | {"id": thing_id, "at": at}
    return connection.execute(_PUT_ON, values).rowcount > 0


def take_off(connection: Connection[Any], thing_id: UUID, removal: UUID, *, at: datetime) -> bool:
    """Let passes judge a thing again; false when it is not removed by this decision."""
    return connection.execute(_TAKE_OFF, {"id": thing_id, "removal": removal, "at": at}).rowcount > 0


def hand_over(connection: Connection[Any], merged: Sequence[UUID], *, actor: str, at: datetime) -> list[UUID]:
    """Let what stays of two things that are one be removed as the other was; tells which things that are now."""
    with connection.cursor(row_factory=class_row(_GivenUp)) as cursor:
        given_up = cursor.execute(_GIVEN_UP, (list(merged),)).fetchall()
    for each in given_up:
        if not take_off(connection, each.id, each.removal, at=at):
            continue  # another of those that are one has it by now
        action = "move" if put_on(connection, each.stays, each, at=at) else "merge"
        note(connection, each.removal, action, thing_id=each.stays, actor=actor, reason=BECAME_ONE, at=at)
    return [each.stays for each in given_up]


def note(
    connection: Connection[Any],
    removal: UUID,
    action: str,
    *,
    thing_id: UUID,
    actor: str,
    reason: Reason,
    at: datetime,
) -> None:
    """Write a line of a removal whose thing is held."""
    deed = Deed(
        at=at,
        actor=actor,
        action=action,
        reason=reason,
        from_state=None if action == "remove" else "removed",
        to_state=_LEADS_TO[action],
        details={"thing": str(thing_id)},
    )
    REMOVALS.append(connection, removal, deed)
