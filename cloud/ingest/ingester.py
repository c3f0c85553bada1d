"""The loop: take a batch, store it, acknowledge it, send receipts."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from cloud.errors import UnavailableError
from cloud.ingest.batch import Outcome
from cloud.ingest.handler import Handler
from cloud.ingest.receipts import Courier
from cloud.ingest.subscriber import Delivery, Subscriber

logger = logging.getLogger(__name__)

_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 2.0


class Ingester:
    """Runs until it is told to stop; what it holds then is finished first, or comes again to another."""

    def __init__(self, subscriber: Subscriber, handler: Handler, courier: Courier, *, stop: asyncio.Event) -> None:
        self._subscriber = subscriber
        self._handler = handler
        self._courier = courier
        self._stop = stop

    async def run(self) -> None:
        """Take batch after batch."""
        while not self._stop.is_set():
            batch = await self._subscriber.next_batch()
            if batch:
                await self._take(batch)
            await self._courier.send_due()
        await self._courier.send_all()

    async def _take(self, batch: Sequence[Delivery]) -> None:
        outcome = await self._store_patiently(batch)
        if outcome is None:
            return
        await self._subscriber.acknowledge(batch)
        self._courier.note(outcome.settled)
        _log(batch, outcome)

    async def _store_patiently(self, batch: Sequence[Delivery]) -> Outcome | None:
        """Try until the database takes it. Meanwhile nothing more is taken from the broker, which keeps it all."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return await self._handler.store(batch)
            except UnavailableError as error:
                logger.warning("ingest_waits messages=%d wait_s=%.1f error=%s", len(batch), wait_s, error)
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
        logger.warning("ingest_quarantined reason=%s messages=%d", reason, count)
