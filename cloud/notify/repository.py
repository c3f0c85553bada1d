"""Deliveries in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from wire.envelope import make_id

LEASE: Final = timedelta(minutes=2)  # within which a sender must be done with what it took
KEPT_FOR: Final = timedelta(days=30)

_EVENTS: Final = """
SELECT e.id, e.event_ids, h.case_id, h.serial, h.at, h.actor, h.action, h.reason, h.from_state, h.to_state, h.details,
    c.number, c.city, c.class_code, c.severity, c.state, c.unit, c.crew, c.due_at, f.lon, f.lat
FROM (SELECT id, case_id, serial, event_ids FROM case_events ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED) e
JOIN case_history h ON h.case_id = e.case_id AND h.serial = e.serial
JOIN cases c ON c.id = e.case_id
JOIN findings f ON f.id = c.finding_id
ORDER BY e.id
"""
_DROP_EVENTS: Final = "DELETE FROM case_events WHERE id = ANY(%s)"
_INSERT: Final = """
INSERT INTO deliveries (id, channel, target, case_id, serial, event_ids, payload, created_at, next_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT ON CONSTRAINT deliveries_line_key DO NOTHING
"""
# All that waits for one target and is due: one for a webhook, together for a person.
_TAKE: Final = """
WITH next AS (
    SELECT channel, target, id FROM deliveries WHERE state = 'waiting' AND next_at <= %(at)s
        AND CASE channel WHEN 'email' THEN channel ELSE channel || ' ' || target END <> ALL(%(but)s)
    ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT d.id FROM deliveries d JOIN next n ON d.channel = n.channel AND d.target = n.target
    WHERE d.state = 'waiting' AND d.next_at <= %(at)s AND (d.channel <> 'webhook' OR d.id = n.id)
    ORDER BY d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries d SET attempts = attempts + 1, next_at = %(until)s FROM taken WHERE d.id = taken.id
RETURNING d.id, d.channel, d.target, d.payload, d.created_at, d.attempts, d.event_ids
"""
_SENT: Final = """
UPDATE deliveries SET state = 'sent', sent_at = %s, last_error = NULL WHERE id = ANY(%s) AND state = 'waiting'
"""
_LATER: Final = "UPDATE deliveries SET next_at = %s, last_error = %s WHERE id = ANY(%s) AND state = 'waiting'"
_DEAD: Final = "UPDATE deliveries SET state = 'dead', last_error = %s WHERE id = ANY(%s) AND state = 'waiting'"
_REPLAY: Final = """
UPDATE deliveries SET state = 'waiting', attempts = 0, next_at = %(at)s
WHERE state = 'dead' AND (%(id)s::uuid IS NULL OR id = %(id)s)
"""
_TRIM: Final = "DELETE FROM deliveries WHERE state = 'sent' AND sent_at < %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something to be sent."""

    id: UUID
    channel: str
    target: str
    payload: dict[str, Any]
    created_at: datetime
    attempts: int
    event_ids: list[UUID]  # of the buses' messages that led to it

    @property
    def way(self) -> str:
        """By which server it goes: all mail by one, else each target has its own."""
        return self.channel if self.channel == "email" else f"{self.channel} {self.target}"


def take_events(connection: Connection[Any], *, limit: int) -> list[dict[str, Any]]:
    """Take lines of history that are to be told; they are given back when the transaction fails."""
    with connection.cursor(row_factory=dict_row) as cursor:
        events = cursor.execute(_EVENTS, (limit,)).fetchall()
    connection.execute(_DROP_EVENTS, ([event["id"] for event in events],))
    return events


def put(
    connection: Connection[Any],
    event: dict[str, Any],
    *,
    channel: str,
    target: str,
    payload: dict[str, Any],
    at: datetime,
    next_at: datetime,
) -> None:
    """Note that an event is to be sent to a target."""
    line = (event["case_id"], event["serial"])
    values = (UUID(make_id(at)), channel, target, *line, event["event_ids"], Jsonb(payload), at, next_at)
    connection.execute(_INSERT, values)


def take(connection: Connection[Any], *, at: datetime, limit: int, but: Collection[str] = ()) -> list[Delivery]:
    """Take what is due for one target; who does not report on it in time loses it to another.

    Args:
        connection: in autocommit.
        at: now.
        limit: of one target.
        but: ways (`Delivery.way`) by which nothing is to be taken.
    """
    values = {"at": at, "until": at + LEASE, "limit": limit, "but": list(but)}
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        rows = cursor.execute(_TAKE, values).fetchall()
    return sorted(rows, key=lambda delivery: delivery.id)


def mark_sent(connection: Connection[Any], ids: Sequence[UUID], *, at: datetime) -> None:
    """Note that it was taken."""
    connection.execute(_SENT, (at, list(ids)))


def mark_failed(connection: Connection[Any], ids: Sequence[UUID], *, error: str, next_at: datetime | None) -> None:
    """Note that it was not taken; without a next time it is dead until somebody replays it."""
    if next_at is None:
        connection.execute(_DEAD, (error, list(ids)))
    else:
        connection.execute(_LATER, (next_at, error, list(ids)))


def replay(connection: Connection[Any], delivery_id: UUID | None, *, at: datetime) -> int:
    """Try a dead delivery, or all of them, again; returns how many."""
    return connection.execute(_REPLAY, {"id": delivery_id, "at": at}).rowcount


def trim(connection: Connection[Any], *, at: datetime) -> int:
    """Forget what was sent long ago; returns how many."""
    return connection.execute(_TRIM, (at - KEPT_FOR,)).rowcount
