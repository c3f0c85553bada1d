"""Messages that could not be stored: kept with the reason, shown, and replayed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import class_row

from cloud.db.upkeep import INSERT, Deed, Note, Thing
from cloud.ingest.reading import Rejected

_MAX_TOPIC: Final = 1024
_MAX_DETAIL: Final = 1000

# The same message again is not a second one.
_INSERT: Final = """
INSERT INTO quarantine
    (digest, received_at, topic, payload, reason, detail, city, device, event_id, stream, sequence)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT quarantine_digest_key DO UPDATE
SET reason = EXCLUDED.reason, detail = EXCLUDED.detail, replayed_at = NULL, discard_reason = NULL
"""
_COLUMNS: Final = """
SELECT id, received_at, topic, payload, reason, detail, city, device, event_id, stream, sequence, replayed_at,
    mended_by, discard_reason
FROM quarantine
"""
_LIST: Final = _COLUMNS + "WHERE replayed_at IS NULL AND id > %s ORDER BY id LIMIT %s"
_FIND: Final = _COLUMNS + "WHERE id = %s"
_MARK: Final = "UPDATE quarantine SET replayed_at = now(), mended_by = %s, discard_reason = NULL WHERE id = %s"
_STAYS: Final = """
UPDATE quarantine SET reason = %s, detail = %s, replayed_at = NULL, mended_by = NULL, discard_reason = NULL
WHERE id = %s
"""
_DISCARD: Final = "UPDATE quarantine SET replayed_at = now(), discard_reason = %s WHERE id = %s AND replayed_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    id: int
    received_at: datetime
    topic: str
    payload: bytes
    reason: str
    detail: str
    city: str | None
    device: str | None
    event_id: UUID | None
    stream: UUID | None
    sequence: int | None
    replayed_at: datetime | None  # since when it no longer waits
    mended_by: str | None  # the rule without which it would still lie here
    discard_reason: str | None  # why it was given up


async def insert_rejected(cursor: AsyncCursor[Any], rejected: Iterable[Rejected]) -> None:
    """Keep them, within the caller's transaction; in one order, so that two ingesters do not lock crosswise."""
    await cursor.executemany(_INSERT, sorted(_values(item) for item in rejected))


async def list_waiting(connection: AsyncConnection[Any], *, after: int, limit: int) -> list[Quarantined]:
    """Those that were not replayed yet, oldest first, from the one behind `after`."""
    async with connection.cursor(row_factory=class_row(Quarantined)) as cursor:
        await cursor.execute(_LIST, (after, limit))
        return await cursor.fetchall()


async def find_quarantined(connection: AsyncConnection[Any], quarantine_id: int) -> Quarantined | None:
    """One by its number."""
    async with connection.cursor(row_factory=class_row(Quarantined)) as cursor:
        await cursor.execute(_FIND, (quarantine_id,))
        return await cursor.fetchone()


async def mark_replayed(connection: AsyncConnection[Any], quarantine_id: int, *, mended_by: str | None) -> None:
    """Note that it is stored now."""
    await connection.execute(_MARK, (mended_by, quarantine_id))


async def mark_staying(connection: AsyncConnection[Any], quarantine_id: int, *, reason: str, detail: str) -> None:
    """Note why it could not be stored this time either."""
    await connection.execute(_STAYS, (reason, _plain(detail)[:_MAX_DETAIL], quarantine_id))


async def discard(connection: AsyncConnection[Any], quarantine_id: int, *, reason: str, actor: str) -> bool:
    """Give a message up, within the caller's transaction; its bytes stay for a while. False when none waits there."""
    cursor = await connection.execute(_DISCARD, (reason, quarantine_id))
    if not cursor.rowcount:
        return False
    note = Note(actor=actor, thing=Thing.QUARANTINE, number=quarantine_id, action=Deed.DISCARD, reason=reason)
    await connection.execute(INSERT, note.values())
    return True


def _values(rejected: Rejected) -> tuple[object, ...]:
    delivery = rejected.delivery
    digest = hashlib.sha256(delivery.topic.encode(errors="replace") + b"\x00" + delivery.payload).digest()
    return (
        digest,
        delivery.received_at,
        _plain(delivery.topic)[:_MAX_TOPIC],
        delivery.payload,
        rejected.reason,
        _plain(rejected.detail)[:_MAX_DETAIL],
        rejected.city,
        rejected.device,
        rejected.event_id,
        rejected.stream,
        rejected.sequence,
    )


def _plain(text: str) -> str:
    """No NUL and no half characters, which PostgreSQL refuses."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
