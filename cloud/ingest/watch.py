"""Looks at broker and database beside the loop, so that others can be told of them while the loop waits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

from cloud.db.pool import reach
from cloud.errors import UnavailableError
from cloud.ingest import metrics
from cloud.ingest.subscriber import Subscriber
from cloud.metrics import UNKNOWN
from telemetry.server import Needs

LOOK_EVERY_S: Final = 5.0


@asynccontextmanager
async def watching(subscriber: Subscriber, url: str, needs: Needs, *, broker: str) -> AsyncGenerator[None]:
    """Look every few seconds while the context lasts."""
    looking = asyncio.create_task(_look_on(subscriber, url, needs, broker=broker))
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def _look_on(subscriber: Subscriber, url: str, needs: Needs, *, broker: str) -> None:
    while True:
        await look(subscriber, url, needs, broker=broker)
        await asyncio.sleep(LOOK_EVERY_S)


async def look(subscriber: Subscriber, url: str, needs: Needs, *, broker: str) -> None:
    """Note what is there, and how much the broker keeps for us."""
    if subscriber.is_connected:
        needs.have("broker")
    else:
        needs.lack("broker", f"{broker} does not answer")
    try:
        await asyncio.to_thread(reach, url)
    except UnavailableError as error:
        needs.lack("database", str(error))
    else:
        needs.have("database")
    backlog = await subscriber.backlog()
    metrics.BACKLOG.set(UNKNOWN if backlog is None else backlog)
