"""What is kept beside messages: bytes that nobody understands, and pictures of alarms."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, Protocol

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from cloud.bridges.jt808.alarms import Alarm
from cloud.bridges.jt808.registry import Terminal
from cloud.bridges.jt808.translate import Raw
from cloud.db.pool import Pool
from cloud.errors import PhotoError
from cloud.pictures.announcements import ADD_SAFE
from cloud.pictures.blur import Blur
from cloud.pictures.store import PictureStore, usable_store

RAW_A_DAY: Final = 100  # of one terminal
WAITING: Final = 1000
BATCH: Final = 200
_RETRY_S: Final = 1.0

_INSERT_RAW: Final = """
INSERT INTO jt808_raw (city, device, received_at, why, content) VALUES (%s, %s, %s, %s, %s)
"""
PICTURE_OF_ALARM: Final = """
WITH told AS (
    INSERT INTO driving_pictures (sha256, city, device, kind, at)
    VALUES (%(sha256)s, %(city)s, %(device)s, coalesce(%(kind)s, 'unknown'), %(alarm_at)s) ON CONFLICT DO NOTHING)
INSERT INTO jt808_attachments (city, device, identity, kind, alarm_at, name, sha256, received_at, blur)
VALUES (%(city)s, %(device)s, %(identity)s, %(kind)s, %(alarm_at)s, %(name)s, %(sha256)s, %(at)s, %(blur)s)
ON CONFLICT DO NOTHING
"""

_log = logging.getLogger(__name__)
_Row = tuple[str, str, datetime, str, bytes]


@dataclass(slots=True)
class RawBook:
    """Takes what is to be kept without waiting for the database; so much of a terminal a day, and no more."""

    _today: date = date.min
    _of_terminal: dict[str, int] = field(default_factory=dict[str, int])
    _waiting: "asyncio.Queue[_Row]" = field(default_factory=lambda: asyncio.Queue(WAITING))

    def keep(self, terminal: Terminal, raw: Raw, *, at: datetime) -> None:
        """Keep it, if there is room."""
        if at.date() != self._today:
            self._today, self._of_terminal = at.date(), {}
        kept = self._of_terminal.get(terminal.phone, 0)
        if kept >= RAW_A_DAY or self._waiting.full():
            return
        self._of_terminal[terminal.phone] = kept + 1
        self._waiting.put_nowait((terminal.city, terminal.device, at, raw.why, raw.content))

    async def write(self, pool: Pool) -> None:
        """Write what waits, for ever; while the database is away it waits."""
        while True:
            rows = [await self._waiting.get()]
            while len(rows) < BATCH and not self._waiting.empty():
                rows.append(self._waiting.get_nowait())
            while not await _is_written(pool, rows):  # noqa: ASYNC110 - nobody tells when the database is back
                await asyncio.sleep(_RETRY_S)


async def _is_written(pool: Pool, rows: list[_Row]) -> bool:
    try:
        async with pool.connection() as connection, connection.cursor() as cursor:
            await cursor.executemany(_INSERT_RAW, rows)
    except (psycopg.OperationalError, PoolTimeout) as error:
        _log.warning("raw_waits rows=%d error=%s", len(rows), type(error).__name__)
        return False
    return True


@asynccontextmanager
async def keeping_raw(pool: Pool) -> AsyncGenerator[RawBook]:
    """Write in the background."""
    book = RawBook()
    writing = asyncio.create_task(book.write(pool))
    try:
        yield book
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


class Album(Protocol):
    """Keeps pictures of alarms."""

    async def keep(self, terminal: Terminal, alarm: Alarm, *, name: str, content: bytes) -> None: ...


class BlurredAlbum:
    """Keeps pictures that could be made safe; nothing else."""

    def __init__(self, pool: Pool, store: PictureStore, blur: Blur) -> None:
        self._pool, self._store, self._blur = pool, store, blur

    async def keep(self, terminal: Terminal, alarm: Alarm, *, name: str, content: bytes) -> None:
        """Blur and keep; what is no picture is left out.

        Raises:
            UnavailableError: it cannot be made safe or stored now; it must come again.
        """
        try:
            safe = await asyncio.to_thread(self._blur.make_safe, content)
        except PhotoError as error:
            _log.warning("attachment_refused device=%s name=%s error=%s", terminal.device, name, error)
            return
        with usable_store():
            await asyncio.to_thread(self._store.put, safe.sha256, safe.content)
        values = {
            "city": terminal.city,
            "device": terminal.device,
            "identity": alarm.identity,
            "kind": alarm.kind,
            "alarm_at": alarm.at,
            "name": name,
            "sha256": safe.sha256,
            "size_bytes": len(safe.content),
            "width_px": safe.width_px,
            "height_px": safe.height_px,
            "blur": Jsonb(safe.blur),
            "at": datetime.now(UTC),
        }
        async with self._pool.connection() as connection:
            await connection.execute(ADD_SAFE, values)
            await connection.execute(PICTURE_OF_ALARM, values)
