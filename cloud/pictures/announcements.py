"""Which pictures are expected, of whom, and which have come."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from wire.messages import PictureReference

_INSERT: Final = """
INSERT INTO pictures (sha256, city, device, size_bytes, media_type, width_px, height_px, blur, announced_at)
SELECT sha256, city, device, size_bytes, media_type, width_px, height_px, blur, announced_at
FROM jsonb_to_recordset(%s) AS n(
    sha256 text, city text, device text, size_bytes integer, media_type text, width_px integer, height_px integer,
    blur jsonb, announced_at timestamptz)
ORDER BY sha256
ON CONFLICT DO NOTHING
RETURNING sha256
"""
ADD_SAFE: Final = """
INSERT INTO pictures (
    sha256, city, device, size_bytes, media_type, width_px, height_px, blur, announced_at, received_at)
VALUES (%(sha256)s, %(city)s, %(device)s, %(size_bytes)s, 'image/jpeg', %(width_px)s, %(height_px)s, %(blur)s,
    %(at)s, %(at)s)
ON CONFLICT ON CONSTRAINT pictures_pkey DO NOTHING
"""
"""A JPEG that this server made safe itself: nobody announced it."""
# A picture of the road stays one, and a clip its bus's, whatever another bus says of their hash.
_INSERT_OF_DRIVING: Final = """
INSERT INTO driving_pictures (sha256, city, device, kind, at)
SELECT n.sha256, n.city, n.device, n.kind, n.at
FROM jsonb_to_recordset(%s) AS n(
    sha256 text, city text, device text, kind text, at timestamptz, is_new boolean)
WHERE n.is_new OR EXISTS (SELECT FROM driving_pictures d
    WHERE d.sha256 = n.sha256 AND d.city = n.city AND d.device = n.device)
ORDER BY n.sha256
ON CONFLICT DO NOTHING
"""
_FIND: Final = """
SELECT sha256, city, device, size_bytes, media_type, width_px, height_px, received_at, erased_at
FROM pictures WHERE sha256 = %s
"""
_IS_OF_DRIVING: Final = "SELECT FROM driving_pictures WHERE sha256 = %s LIMIT 1"
_MARK: Final = """
UPDATE pictures SET received_at = now() WHERE sha256 = %s AND received_at IS NULL AND erased_at IS NULL
RETURNING sha256
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivingEvent:
    """Of what a picture is whose looks are told to who drove."""

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A picture that a message speaks of."""

    city: str
    device: str
    announced_at: datetime
    picture: PictureReference
    of_driving: DrivingEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that is known; it is there once it has `received_at`."""

    sha256: str
    city: str
    device: str
    size_bytes: int
    media_type: str
    width_px: int
    height_px: int
    received_at: datetime | None
    erased_at: datetime | None = None
    """A person had it erased: it is not taken again."""


async def announce(cursor: AsyncCursor[Any], announcements: Sequence[Announcement]) -> None:
    """Note what is to come, within the caller's transaction; the first word on a hash says whose and what it is."""
    if not announcements:
        return
    first = {item.picture.sha256: item for item in reversed(announcements)}
    await cursor.execute(_INSERT, (Jsonb([_record(item) for item in first.values()]),))
    new = {sha256: first[sha256] for (sha256,) in await cursor.fetchall()}
    if of_driving := [_record_of_driving(item, event, new) for item in announcements if (event := item.of_driving)]:
        await cursor.execute(_INSERT_OF_DRIVING, (Jsonb(of_driving),))


async def find_picture(connection: AsyncConnection[Any], sha256: str) -> Picture | None:
    """What is known of a hash."""
    async with connection.cursor(row_factory=class_row(Picture)) as cursor:
        await cursor.execute(_FIND, (sha256,))
        return await cursor.fetchone()


async def is_of_driving(connection: AsyncConnection[Any], sha256: str) -> bool:
    """Whether it is of an event at the wheel: then it is shown only where its driver is told who looked."""
    return (await connection.execute(_IS_OF_DRIVING, (sha256,))).rowcount > 0


async def mark_received(connection: AsyncConnection[Any], sha256: str) -> bool:
    """Note that it is in the store; False when it must not be there, or was noted before."""
    return await (await connection.execute(_MARK, (sha256,))).fetchone() is not None


def _record(announcement: Announcement) -> dict[str, object]:
    return {
        **asdict(announcement.picture),
        "city": announcement.city,
        "device": announcement.device,
        "announced_at": announcement.announced_at.isoformat(),
    }


def _record_of_driving(item: Announcement, event: DrivingEvent, new: Mapping[str, Announcement]) -> dict[str, object]:
    first = new.get(item.picture.sha256)
    return {
        "sha256": item.picture.sha256,
        "city": item.city,
        "device": item.device,
        "kind": event.kind,
        "at": event.at.isoformat(),
        "is_new": first is not None
        and first.of_driving is not None
        and (first.city, first.device) == (item.city, item.device),
    }
