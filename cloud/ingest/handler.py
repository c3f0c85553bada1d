"""Stores batches. One bad message never costs its batch, and nothing is lost while the database is away."""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import psycopg
from psycopg import errors

from cloud.db.pool import Pool, open_pool
from cloud.errors import UnavailableError
from cloud.fleet.devices import Device
from cloud.fleet.streams import Settled, read_settled
from cloud.fleet.wishes import Letters, take_requests, take_wishes
from cloud.ingest.batch import Outcome, write_batch
from cloud.ingest.reading import CONSTRAINT, STUMBLED, Readable, Rejected, is_for_devices, read_delivery, reject
from cloud.ingest.subscriber import Delivery
from cloud.observations.staging import create_staging
from telemetry.logs import MOST_IDS, about
from wire.messages import Kind

logger = logging.getLogger(__name__)

Item = Readable | Rejected

# A row that the database refuses; another try would end the same.
_REFUSED: Final = (
    errors.IntegrityError,
    errors.DataError,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyColumns,
)
# Away, starting, stopping, full, a deadlock, a replica that is not yet the primary: try again.
_AWAY: Final = (
    errors.OperationalError,
    errors.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)


class Handler:
    """Turns deliveries into committed rows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def store(self, deliveries: Sequence[Delivery], *, is_replay: bool = False) -> Outcome:
        """Store all of them; when it returns, they are committed.

        Raises:
            UnavailableError: the database is away; some may be stored, and storing them again changes nothing.
        """
        items = [read_delivery(delivery) for delivery in deliveries if not is_for_devices(delivery.topic)]
        try:
            return await self._store(items, is_replay=is_replay)
        except _AWAY as error:
            raise UnavailableError(f"the database cannot store now: {str(error).partition(chr(10))[0]}") from error

    async def settled_now(self, known: Sequence[Settled]) -> Sequence[Settled]:
        """Tell how outboxes stand now; while the database is away, what is known already (older, but true)."""
        try:
            async with self._pool.connection() as connection, connection.cursor() as cursor:
                return await read_settled(cursor, known)
        except _AWAY as error:
            logger.warning("receipts_from_memory streams=%d error=%s", len(known), str(error).partition("\n")[0])
            return known

    async def take_letters(self, contacts: Iterable[Device], *, at: datetime) -> Letters | None:
        """Take what buses are to be told now; none while the database is away."""
        try:
            async with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
                return await take_wishes(cursor, contacts, at=at), await take_requests(cursor, at=at)
        except _AWAY as error:
            logger.warning("letters_wait error=%s", str(error).partition("\n")[0])
            return None

    async def _store(self, items: Sequence[Item], *, is_replay: bool) -> Outcome:
        if not items:
            return Outcome()
        with about(_ids(items)):
            return await self._store_all(items, is_replay=is_replay)

    async def _store_all(self, items: Sequence[Item], *, is_replay: bool) -> Outcome:
        try:
            outcome = await self._write(items, is_replay=is_replay)
        except _REFUSED as error:
            return await self._store_apart(items, error, reason=CONSTRAINT, is_replay=is_replay)
        except psycopg.Error:
            raise
        except Exception as error:  # a message that our own code stumbles over must not stop all others
            logger.exception("ingest_stumbled messages=%d", len(items))
            return await self._store_apart(items, error, reason=STUMBLED, is_replay=is_replay)
        _log_observations(items)
        for item in items if logger.isEnabledFor(logging.DEBUG) else ():
            if isinstance(item, Readable):
                logger.debug("message_stored id=%s source=%s", item.envelope.id, item.envelope.source)
        return outcome

    async def _write(self, items: Sequence[Item], *, is_replay: bool) -> Outcome:
        async with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            return await write_batch(cursor, items, is_replay=is_replay)

    async def _store_apart(self, items: Sequence[Item], error: Exception, *, reason: str, is_replay: bool) -> Outcome:
        """Halve until the refused message is alone; it goes to the quarantine, its neighbours are stored."""
        if len(items) > 1:
            middle = len(items) // 2
            return _join(
                await self._store(items[:middle], is_replay=is_replay),
                await self._store(items[middle:], is_replay=is_replay),
            )
        item = items[0]
        if isinstance(item, Rejected):
            raise error
        return await self._write([reject(item.delivery, reason=reason, detail=_detail(error))], is_replay=is_replay)


@asynccontextmanager
async def open_handler(url: str, *, connections: int = 1) -> AsyncGenerator[Handler]:
    """Open a handler with connections of its own, one for each batch that it stores at a time."""
    async with open_pool(url, max_size=connections, configure=create_staging) as pool:
        yield Handler(pool)


def _ids(items: Sequence[Item]) -> list[str]:
    return [item.envelope.id for item in items if isinstance(item, Readable)] + [
        item.event_id for item in items if isinstance(item, Rejected) and item.event_id is not None
    ]


def _log_observations(items: Sequence[Item]) -> None:
    """Say which observations are stored now, so that each can be found by its id."""
    ids = [item.envelope.id for item in items if isinstance(item, Readable) and item.envelope.kind is Kind.DETECTION]
    for first in range(0, len(ids), MOST_IDS):
        with about(part := ids[first : first + MOST_IDS]):
            logger.info("observations_stored messages=%d", len(part))


def _detail(error: Exception) -> str:
    if isinstance(error, psycopg.Error):
        return error.diag.message_primary or str(error)
    return f"{type(error).__name__}: {error}"


def _join(first: Outcome, second: Outcome) -> Outcome:
    """Join what became of two halves; the second's word about a stream is the newer one."""
    newest = {(item.city, item.device, item.stream): item for item in (*first.settled, *second.settled)}
    return Outcome(
        settled=list(newest.values()),
        rejected=[*first.rejected, *second.rejected],
        stored=Counter(first.stored) + Counter(second.stored),
        duplicates=Counter(first.duplicates) + Counter(second.duplicates),
        contacts=first.contacts | second.contacts,
    )
