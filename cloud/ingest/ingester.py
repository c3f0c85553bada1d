"""The loop: take a batch, store it, acknowledge it, send receipts and letters."""

import asyncio
import logging
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

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

    async def run(self) -> None:
        """Take batch after batch."""
        while not self._stop.is_set():
            batch = await self._subscriber.next_batch()
            if batch:
                await self._take(batch)
            await self._courier.send_due()
            await self._postman.deliver_due()
        await self._courier.send_all()

    async def _take(self, batch: Sequence[Delivery]) -> None:
        with metrics.BATCH_SECONDS.time(), _oldest_in_hand(batch):
            outcome = await self._store_patiently(batch)
        if outcome is None:
            return
        _count(batch, outcome)
        await self._subscriber.acknowledge(batch)
        self._courier.note(outcome.settled)
        self._postman.note(outcome.contacts)
        _log(batch, outcome)

    async def _store_patiently(self, batch: Sequence[Delivery]) -> Outcome | None:
        """Try until the database takes it. Meanwhile nothing more is taken from the broker, which keeps it all."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                outcome = await self._handler.store(batch)
            except UnavailableError as error:
                metrics.WAITS.inc()
                self._needs.lack("storing", str(error))
                logger.warning("ingest_waits messages=%d wait_s=%.1f error=%s", len(batch), wait_s, error)
            else:
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


@contextmanager
def _oldest_in_hand(batch: Sequence[Delivery]) -> Generator[None]:
    """While it is not stored, tell the age of its oldest message."""
    oldest_at = min(delivery.received_at for delivery in batch)
    metrics.OLDEST_SECONDS.set_function(lambda: _age_s(oldest_at))
    try:
        yield
    finally:
        metrics.OLDEST_SECONDS.set_function(lambda: 0.0)


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
