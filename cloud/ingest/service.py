"""`busense ingest`: put broker, handler and loop together, and end in order when told to."""

import asyncio
import gc
import logging
import signal
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime
from typing import Final

from cloud.config import BrokerKind, CloudConfig
from cloud.db.migrate import check_current
from cloud.db.pool import connect
from cloud.errors import UnavailableError
from cloud.ingest.handler import open_handler
from cloud.ingest.ingester import HANDS, Ingester
from cloud.ingest.jetstream import open_jetstream
from cloud.ingest.letters import Postman
from cloud.ingest.mqtt import open_mqtt
from cloud.ingest.receipts import Courier
from cloud.ingest.subscriber import Subscriber
from cloud.ingest.watch import watching
from telemetry.server import Needs, telling

logger = logging.getLogger(__name__)

_RETRY_S: Final = 1.0


async def ingest_until_signalled(config: CloudConfig) -> None:
    """Run until SIGTERM or SIGINT; a batch in hand is finished first.

    Raises:
        ConfigError, MigrationError: saying what has to be put right.
    """
    stop, started = asyncio.Event(), asyncio.Event()
    work = asyncio.create_task(ingest(config, stop=stop, started=started))

    def end() -> None:
        stop.set()
        if not started.is_set():
            work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    try:
        await work
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    logger.info("ingest_ended")


async def ingest(config: CloudConfig, *, stop: asyncio.Event, started: asyncio.Event) -> None:
    """Wait for database and broker, then take messages until `stop` is set."""
    url, broker = config.database.read_url(), config.require_broker()
    needs = Needs(
        database="the database has not been reached yet",
        broker=f"{broker.url} has not let user {broker.user!r} in yet, or no bus has ever been connected to it",
    )
    async with AsyncExitStack() as stack:
        stack.enter_context(telling(config.telemetry.ingest, process="ingest", missing=needs.missing))
        await _wait_for_database(url, needs)
        handler = await stack.enter_async_context(open_handler(url, connections=HANDS + 1))
        subscriber = await stack.enter_async_context(open_subscriber(config))
        if config.telemetry.ingest is not None:
            await stack.enter_async_context(watching(subscriber, url, needs, broker=broker.url))
        gc.freeze()  # what was loaded stays: to look through it now and then holds up a batch for a tenth of a second
        started.set()
        logger.info("ingest_started broker=%s batch_size=%d", broker.kind, config.ingest.batch_size)
        courier = Courier(subscriber.publish, settled_now=handler.settled_now, now=_utc_now)
        postman = Postman(subscriber.publish, handler, now=_utc_now)
        await Ingester(subscriber, handler, courier, postman, needs=needs, stop=stop).run()


def open_subscriber(config: CloudConfig) -> AbstractAsyncContextManager[Subscriber]:
    """Open the subscriber that the configuration names."""
    broker = config.require_broker()
    match broker.kind:
        case BrokerKind.JETSTREAM:
            return open_jetstream(broker, config.ingest)
        case BrokerKind.MQTT:
            return open_mqtt(broker, config.ingest)


async def _wait_for_database(url: str, needs: Needs) -> None:
    while True:
        try:
            await asyncio.to_thread(_prepare, url)
        except UnavailableError as error:
            needs.lack("database", str(error))
            logger.warning("ingest_waits_for_database error=%s", error)
        else:
            needs.have("database")
            return
        await asyncio.sleep(_RETRY_S)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _prepare(url: str) -> None:
    check_current(url)
    with connect(url) as connection:
        connection.execute("SELECT ensure_time_partitions(now())")
