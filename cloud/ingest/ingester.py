"""The loops: take a batch, store it, acknowledge it; and beside them receipts and letters."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from cloud.errors import UnavailableError
from cloud.ingest import metrics
from cloud.ingest.batch import Outcome
from cloud.ingest.handler import Handler
from cloud.ingest.letters import Postman
from cloud.ingest.receipts import Courier
from cloud.ingest.subscriber import Delivery, Subscriber
from telemetry.logs import about
from telemetry.server import Needs

logger = logging.getLogger(__name__)

HANDS: Final = 2
"""So many batches are stored at a time: while one waits for the disk, the next is read and brought to the database."""

_MAIL_EVERY_S: Final = 0.1
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 2.0


class Ingester:
    """Runs until it is told to stop; what it holds then is finished first, or comes again to another."""

    def __init__(
        self,
        subscriber: Subscriber,
        handler: Handler,
        courier: Courier,
        postman: Postman,
        *,
        needs: Needs,
        stop: asyncio.Event,
    ) -> None:
        self._subscriber = subscriber
        self._handler = handler
        self._courier = courier
        self._postman = postman
        self._needs = needs
        self._stop = stop
        self._turn = asyncio.Lock()  # one takes at a time
        self._oldest_in_hand: list[datetime] = []
        self._refused: set[int] = set()  # by id: batches that the database could not store yet

    async def run(self) -> None:
        """Take batch after batch."""
        metrics.OLDEST_SECONDS.set_function(self._oldest_age_s)
        async with _together(self._send_mail(), *(self._work() for _ in range(HANDS))) as all_done:
            await all_done
        await self._courier.send_all()

    async def _work(self) -> None:
        while not self._stop.is_set():
            async with self._turn:
                batch = await self._subscriber.next_batch()
            if batch:
                await self._take(batch)

    async def _send_mail(self) -> None:
        while not await self._is_stopped_within(_MAIL_EVERY_S):
            await self._courier.send_due()
            await self._postman.deliver_due()

    async def _take(self, batch: Sequence[Delivery]) -> None:
        with metrics.BATCH_SECONDS.time(), self._holding(batch):
            outcome = await self._store_patiently(batch)
        if outcome is None:
            return
        _count(batch, outcome)
        await self._subscriber.acknowledge(batch)
        self._courier.note(outcome.settled)
        self._postman.note(outcome.contacts)
        _log(batch, outcome)

    @contextmanager
    def _holding(self, batch: Sequence[Delivery]) -> Generator[None]:
        oldest_at = min(delivery.received_at for delivery in batch)
        self._oldest_in_hand.append(oldest_at)
        try:
            yield
        finally:
            self._oldest_in_hand.remove(oldest_at)

    def _oldest_age_s(self) -> float:
        return max(map(_age_s, self._oldest_in_hand), default=0.0)

    async def _store_patiently(self, batch: Sequence[Delivery]) -> Outcome | None:
        """Try until the database takes it. Meanwhile nothing more is taken from the broker, which keeps it all."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                outcome = await self._handler.store(batch)
            except UnavailableError as error:
                metrics.WAITS.inc()
                self._refused.add(id(batch))
                self._needs.lack("storing", str(error))
                logger.warning("ingest_waits messages=%d wait_s=%.1f error=%s", len(batch), wait_s, error)
            else:
                self._refused.discard(id(batch))
                if not self._refused:
                    self._needs.have("storing")
                return outcome
            if await self._is_stopped_within(wait_s):
                return None
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _is_stopped_within(self, wait_s: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), wait_s)
        except TimeoutError:
            return False
        return True


def _log(batch: Sequence[Delivery], outcome: Outcome) -> None:
    logger.debug("ingest_batch messages=%d quarantined=%d", len(batch), len(outcome.rejected))
    for reason, count in Counter(item.reason for item in outcome.rejected).items():
        with about(item.event_id for item in outcome.rejected if item.reason == reason and item.event_id is not None):
            logger.warning("ingest_quarantined reason=%s messages=%d", reason, count)


@asynccontextmanager
async def _together(*work: Coroutine[Any, Any, None]) -> AsyncGenerator[Awaitable[object]]:
    """Begin all of it; when one fails, its error is raised and the others end."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _count(batch: Sequence[Delivery], outcome: Outcome) -> None:
    metrics.BATCH_MESSAGES.observe(len(batch))
    metrics.DELAY_SECONDS.observe(_age_s(min(delivery.received_at for delivery in batch)))
    for kind, count in outcome.stored.items():
        metrics.MESSAGES.labels(kind.value, "stored").inc(count)
    for kind, count in outcome.duplicates.items():
        metrics.MESSAGES.labels(kind.value, "duplicate").inc(count)
    for item in outcome.rejected:
        metrics.QUARANTINED.labels(item.reason).inc()


def _age_s(at: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - at).total_seconds())
