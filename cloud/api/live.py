"""Live updates: one listening connection for the whole process, fanned out to bounded queues.

Only changes below the database's horizon (no older transaction is still running) are told, in the order of
(xid, id). So the cursor of the last change told is enough to resume without loss.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import psycopg
from psycopg import AsyncConnection

from cloud.api.metrics import LIVE_STREAMS
from cloud.db.changes import CHANNEL
from cloud.db.pool import Pool
from telemetry.server import Needs

QUEUE_LENGTH: Final = 1000
PAGE: Final = 500
IDLE_POLL_S: Final = 1.0
PENDING_POLL_S: Final = 0.02  # a change is committed but an older transaction still runs
RETRY_S: Final = 1.0

_START: Final = """
SELECT xid::text::bigint, id FROM changes WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid DESC, id DESC LIMIT 1
"""
_NEXT: Final = """
SELECT xid::text::bigint, id, kind, payload::text FROM changes
WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, id LIMIT %(limit)s
"""
_IS_PENDING: Final = "SELECT EXISTS (SELECT FROM changes WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s))"
# A number that is yet to come is of another database.
_IS_KEPT: Final = """
SELECT %(xid)s::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
    AND NOT EXISTS (SELECT FROM trimmed_changes WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s))
"""

_CURSOR: Final = re.compile(r"(\d{1,19})-(\d{1,18})")
_MAX_XID: Final = 2**63 - 1

_log = logging.getLogger(__name__)


class Cursor(NamedTuple):
    """Place in the order of changes."""

    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `xid-id`.

        Raises:
            ValueError: it is no cursor.
        """
        match = _CURSOR.fullmatch(text)
        if match is None or int(match[1]) > _MAX_XID:
            raise ValueError("a cursor such as 1234-56 is expected")
        return cls(xid=int(match[1]), id=int(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a viewer is told."""

    cursor: Cursor
    kind: str
    payload: str  # JSON in one line


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """One viewer's queue; everything up to `start` is to be read from the database."""

    start: Cursor
    queue: asyncio.Queue[Change | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))
    is_closed: bool = False

    def put(self, change: Change) -> None:
        """Add a change; a viewer that does not keep up is sent away and resumes by its cursor."""
        try:
            self.queue.put_nowait(change)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """End the stream, at once."""
        self.is_closed = True
        if not self.queue.full():
            self.queue.put_nowait(None)


class Hub:
    """Reads changes once and hands them to all viewers."""

    def __init__(self, pool: Pool, *, listener: Pool, needs: Needs) -> None:
        """Keep the pool for replays, and one of a single connection for listening."""
        self._needs = needs
        self._needs.lack("database", "the database has not been reached yet")
        self._pool = pool
        self._listener = listener
        self._cursor: Cursor | None = None
        self._subscriptions: set[Subscription] = set()
        self._is_ready = asyncio.Event()
        self._is_closed = False

    async def run(self) -> None:
        """Read until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                self._needs.lack("database", f"the database does not answer ({type(error).__name__})")
                _log.warning("live_interrupted error=%s", type(error).__name__)
            await asyncio.sleep(RETRY_S)

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._is_closed = True
        self._is_ready.set()
        for subscription in self._subscriptions:
            subscription.close()

    @contextmanager
    def subscribe(self) -> Generator[Subscription]:
        """Be told all changes after the subscription's `start`."""
        subscription = Subscription(start=self._cursor or Cursor(0, 0))
        self._subscriptions.add(subscription)
        if self._is_closed:
            subscription.close()
        try:
            with LIVE_STREAMS.track_inprogress():
                yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def wait_until_ready(self, *, timeout_s: float) -> None:
        """Wait until the hub knows where it begins.

        Raises:
            TimeoutError: it does not, since the database is away.
        """
        async with asyncio.timeout(timeout_s):
            await self._is_ready.wait()

    async def replay(self, after: Cursor, *, up_to: Cursor) -> AsyncGenerator[Change]:
        """Changes that are kept between two cursors."""
        while after < up_to:
            async with self._pool.connection() as connection:
                changes = [change for change in await _read(connection, after) if change.cursor <= up_to]
            for change in changes:
                yield change
            if not changes:
                return
            after = changes[-1].cursor

    async def is_kept(self, cursor: Cursor) -> bool:
        """Whether nothing after the cursor has been trimmed away."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_IS_KEPT, _values(cursor))).fetchone()
        return bool(row and row[0])

    async def _listen(self) -> None:
        async with self._listener.connection() as connection:
            await connection.set_autocommit(True)
            await self._follow(connection)

    async def _follow(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        if self._cursor is None:
            row = await (await connection.execute(_START)).fetchone()
            self._cursor = Cursor(*row) if row else Cursor(0, 0)
        self._is_ready.set()
        self._needs.have("database")
        cursor = self._cursor
        while True:
            changes = await _read(connection, cursor)
            for change in changes:
                cursor = self._cursor = change.cursor
                for subscription in self._subscriptions:
                    subscription.put(change)
            if len(changes) < PAGE:
                await self._wait(connection, cursor)

    async def _wait(self, connection: AsyncConnection[Any], cursor: Cursor) -> None:
        row = await (await connection.execute(_IS_PENDING, _values(cursor))).fetchone()
        timeout_s = PENDING_POLL_S if row and row[0] else IDLE_POLL_S
        async for _ in connection.notifies(timeout=timeout_s, stop_after=1):
            pass


async def _read(connection: AsyncConnection[Any], after: Cursor) -> list[Change]:
    rows = await (await connection.execute(_NEXT, _values(after) | {"limit": PAGE})).fetchall()
    return [Change(cursor=Cursor(xid, number), kind=kind, payload=payload) for xid, number, kind, payload in rows]


def _values(cursor: Cursor) -> dict[str, Any]:
    return {"xid": str(cursor.xid), "id": cursor.id}
