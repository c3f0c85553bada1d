"""Live updates: one listening connection for the whole process, fanned out to bounded queues.

Only changes below a horizon (no older transaction that could write such a change is still running) are told, in the
order of (xid, id). So the cursor of the last changes told is enough to resume without loss. What buses bring and what
is decided of it go in lanes of their own: ingest is quick, the worker thinks for a while in one transaction, and what
buses bring need not wait for it. The worker is known by the name of its connections.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, Final, LiteralString, NamedTuple, Self

import psycopg
from psycopg import AsyncConnection

from cloud.api.metrics import LIVE_STREAMS
from cloud.db.changes import CHANNEL
from cloud.db.pool import WORKER, Pool
from cloud.db.value import fetch_value_async
from telemetry.server import Needs

QUEUE_LENGTH: Final = 1000
PAGE: Final = 500
IDLE_POLL_S: Final = 1.0
PENDING_POLL_S: Final = 0.02  # a change is committed but an older transaction still runs
RETRY_S: Final = 1.0

# A number that is yet to come is of another database.
_IS_KEPT: Final = """
SELECT %(xid)s::text::xid8 < pg_snapshot_xmax(pg_current_snapshot())
    AND NOT EXISTS (SELECT FROM trimmed_changes WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s))
"""

_PLACE: Final = re.compile(r"(\d{1,19})-(\d{1,18})")
_MAX_XID: Final = 2**63 - 1

_log = logging.getLogger(__name__)


class Lane(StrEnum):
    """Changes that are in one order."""

    BUSES = "buses"
    DECIDED = "decided"


_KINDS: Final[dict[Lane, tuple[LiteralString, ...]]] = {
    Lane.BUSES: ("observation", "bus"),
    Lane.DECIDED: ("finding", "case", "travel", "ward"),
}
_LANE_OF_KIND: Final = {kind: lane for lane, kinds in _KINDS.items() for kind in kinds}
_IS_OF: Final[dict[Lane, LiteralString]] = {
    lane: "kind IN ('" + "', '".join(kinds) + "')" for lane, kinds in _KINDS.items()
}
# Bus lane: of the transactions that run, the worker's do not count, for they write no such change. Who runs them is
# looked up after the snapshot was taken: one that has ended in between is waited for, until the next look.
_HORIZON: Final[dict[Lane, LiteralString]] = {
    Lane.BUSES: """(
    SELECT coalesce(min(x), pg_snapshot_xmax(pg_current_snapshot())) FROM pg_snapshot_xip(pg_current_snapshot()) x
    WHERE NOT EXISTS (SELECT FROM pg_stat_activity a
        WHERE a.application_name = %(worker)s AND a.backend_xid::text::bigint = x::text::bigint %% 4294967296))""",
    Lane.DECIDED: "pg_snapshot_xmin(pg_current_snapshot())",
}
_START: Final[dict[Lane, LiteralString]] = {
    lane: f"""
SELECT xid::text::bigint, id FROM changes WHERE {_IS_OF[lane]} AND xid < {_HORIZON[lane]}
ORDER BY xid DESC, id DESC LIMIT 1
"""  # noqa: S608 - of constants
    for lane in Lane
}
_NEXT: Final[dict[Lane, LiteralString]] = {
    lane: f"""
SELECT xid::text::bigint, id, kind, payload::text FROM changes
WHERE (xid, id) > (%(xid)s::text::xid8, %(id)s) AND {_IS_OF[lane]} AND xid < {_HORIZON[lane]}
ORDER BY xid, id LIMIT %(limit)s
"""  # noqa: S608 - of constants
    for lane in Lane
}
_IS_PENDING: Final = f"""
SELECT EXISTS (SELECT FROM changes WHERE {_IS_OF[Lane.BUSES]} AND (xid, id) > (%(xid)s::text::xid8, %(id)s))
    OR EXISTS (SELECT FROM changes
        WHERE {_IS_OF[Lane.DECIDED]} AND (xid, id) > (%(decided_xid)s::text::xid8, %(decided_id)s))
"""  # noqa: S608 - of constants


class Place(NamedTuple):
    """Place in the order of a lane."""

    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `xid-id`.

        Raises:
            ValueError: it is none.
        """
        match = _PLACE.fullmatch(text)
        if match is None or int(match[1]) > _MAX_XID:
            raise ValueError("a cursor such as 1234-56 or 1234-56.1200-7 is expected")
        return cls(xid=int(match[1]), id=int(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a viewer is told."""

    place: Place
    kind: str
    payload: str  # JSON in one line

    @property
    def lane(self) -> Lane:
        return _LANE_OF_KIND[self.kind]


class Cursor(NamedTuple):
    """How much is known of each lane."""

    buses: Place
    decided: Place

    def __str__(self) -> str:
        return str(self.buses) if self.buses == self.decided else f"{self.buses}.{self.decided}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `xid-id`, which stands for both, or one for each.

        Raises:
            ValueError: it is no cursor.
        """
        buses, dot, decided = text.partition(".")
        return cls(buses=Place.parse(buses), decided=Place.parse(decided if dot else buses))

    def of(self, lane: Lane) -> Place:
        """Place in one of them."""
        return self.buses if lane is Lane.BUSES else self.decided

    def knows(self, change: Change) -> bool:
        """Whether it has been told."""
        return change.place <= self.of(change.lane)

    def after(self, change: Change) -> Self:
        """The cursor when this has been told too."""
        if change.lane is Lane.BUSES:
            return self._replace(buses=max(self.buses, change.place))
        return self._replace(decided=max(self.decided, change.place))


NOTHING: Final = Cursor(buses=Place(0, 0), decided=Place(0, 0))


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
        subscription = Subscription(start=self._cursor or NOTHING)
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
        for lane in Lane:
            place = after.of(lane)
            while place < up_to.of(lane):
                async with self._pool.connection() as connection:
                    changes = [change for change in await _read(connection, lane, place) if up_to.knows(change)]
                for change in changes:
                    yield change
                if not changes:
                    break
                place = changes[-1].place

    async def is_kept(self, cursor: Cursor) -> bool:
        """Whether nothing after the cursor has been trimmed away."""
        async with self._pool.connection() as connection:
            for lane in Lane:
                if not await fetch_value_async(connection, _IS_KEPT, _values(cursor.of(lane))):
                    return False
        return True

    async def _listen(self) -> None:
        async with self._listener.connection() as connection:
            await connection.set_autocommit(True)
            await self._follow(connection)

    async def _follow(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        if self._cursor is None:
            self._cursor = Cursor(
                buses=await _newest(connection, Lane.BUSES), decided=await _newest(connection, Lane.DECIDED)
            )
        self._is_ready.set()
        self._needs.have("database")
        cursor = self._cursor
        while True:
            pages = [await _read(connection, lane, cursor.of(lane)) for lane in Lane]
            for change in chain.from_iterable(pages):
                cursor = self._cursor = cursor.after(change)
                for subscription in self._subscriptions:
                    subscription.put(change)
            if all(len(page) < PAGE for page in pages):
                await self._wait(connection, cursor)

    async def _wait(self, connection: AsyncConnection[Any], cursor: Cursor) -> None:
        values = _values(cursor.buses) | {"decided_xid": str(cursor.decided.xid), "decided_id": cursor.decided.id}
        timeout_s = PENDING_POLL_S if await fetch_value_async(connection, _IS_PENDING, values) else IDLE_POLL_S
        async for _ in connection.notifies(timeout=timeout_s, stop_after=1):
            pass


async def _newest(connection: AsyncConnection[Any], lane: Lane) -> Place:
    row = await (await connection.execute(_START[lane], {"worker": WORKER})).fetchone()
    return Place(*row) if row else NOTHING.of(lane)


async def _read(connection: AsyncConnection[Any], lane: Lane, after: Place) -> list[Change]:
    values = _values(after) | {"limit": PAGE, "worker": WORKER}
    rows = await (await connection.execute(_NEXT[lane], values)).fetchall()
    return [Change(place=Place(xid, number), kind=kind, payload=payload) for xid, number, kind, payload in rows]


def _values(place: Place) -> dict[str, Any]:
    return {"xid": str(place.xid), "id": place.id}
