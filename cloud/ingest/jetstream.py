"""A durable pull consumer on the stream in which NATS keeps MQTT messages; any number of ingesters share it."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServiceUnavailableError

from cloud.config import BrokerConfig, IngestConfig
from cloud.errors import ConfigError
from cloud.ingest.subscriber import IDLE_S, Delivery

logger = logging.getLogger(__name__)

_STREAM: Final = "$MQTT_msgs"
_SUBJECT_PREFIX: Final = "$MQTT.msgs."
_FILTER: Final = f"{_SUBJECT_PREFIX}busense.v1.>"
_RETRY_S: Final = 1.0
# Batches that may be on their way to all ingesters together before the broker waits for acknowledgements.
_BATCHES_IN_FLIGHT: Final = 16


class JetStreamSubscriber:
    """Fetches the next batch while the last one is being stored; thus it holds at most two."""

    def __init__(
        self,
        client: Client,
        subscription: JetStreamContext.PullSubscription,
        ensure_consumer: Callable[[], Awaitable[None]],
        ingest: IngestConfig,
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._ensure_consumer = ensure_consumer
        self._batch_size = ingest.batch_size
        self._batch_s = ingest.batch_ms / 1000
        self._next: asyncio.Task[list[Msg]] | None = None

    async def next_batch(self) -> list[Delivery]:
        """Take the batch that was fetched meanwhile, and begin to fetch the one after it."""
        messages = await (self._next or self._begin_to_fetch())
        self._begin_to_fetch()
        return [_to_delivery(message) for message in messages]

    async def acknowledge(self, batch: Sequence[Delivery]) -> None:
        """Acknowledge; one that gets lost only brings its message again."""
        for delivery in batch:
            await cast("Msg", delivery.token).ack()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send on the topic's subject; NATS hands it to MQTT subscribers."""
        await self._client.publish(topic.replace("/", "."), payload)

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected

    async def backlog(self) -> int | None:
        """What was not sent to any of us yet, and what was sent and not acknowledged."""
        try:
            consumer = await self._subscription.consumer_info()
        except (NatsError, TimeoutError):
            return None
        return (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)

    async def close(self) -> None:
        """Give back what was fetched and not stored, so that another ingester gets it at once."""
        if self._next is None:
            return
        if not self._next.done():
            self._next.cancel()
        for message in await asyncio.gather(self._next, return_exceptions=True):
            for held in message if isinstance(message, list) else []:
                await held.nak()

    def _begin_to_fetch(self) -> "asyncio.Task[list[Msg]]":
        self._next = asyncio.create_task(self._fetch())
        return self._next

    async def _fetch(self) -> list[Msg]:
        """Wait for the first message, then take what is there, lingering only while it is less than a batch."""
        messages = await self._fetch_some(1, timeout_s=IDLE_S)
        if messages and self._batch_size > 1:
            messages += await self._fetch_some(self._batch_size - 1, timeout_s=self._batch_s)
        return messages

    async def _fetch_some(self, count: int, *, timeout_s: float) -> list[Msg]:
        try:
            return await self._subscription.fetch(count, timeout=timeout_s)
        except (NatsTimeoutError, TimeoutError):
            return []
        except NatsError as error:  # a broker that lost its store has lost the consumer with it
            logger.warning("broker_error error=%s", error)
            await asyncio.sleep(_RETRY_S)
            await self._ensure_consumer()
            return []


@asynccontextmanager
async def open_jetstream(broker: BrokerConfig, ingest: IngestConfig) -> AsyncGenerator[JetStreamSubscriber]:
    """Connect, waiting for a broker that is away and for a stream that no device has made yet.

    Raises:
        ConfigError: the broker refuses us.
    """
    client = await _connect(broker)
    try:
        stream = client.jetstream()  # pyright: ignore[reportUnknownMemberType]
        is_alone = len(client.servers) == 1
        ensure_consumer = partial(_ensure_consumer, stream, broker, ingest, is_alone=is_alone)
        await ensure_consumer()
        subscription = await stream.pull_subscribe_bind(durable=broker.client_id, stream=_STREAM)
        subscriber = JetStreamSubscriber(client, subscription, ensure_consumer, ingest)
        try:
            yield subscriber
        finally:
            with _from_away():
                await subscriber.close()
                await client.flush()
    finally:
        with _from_away():
            await client.close()


@contextlib.contextmanager
def _from_away() -> Generator[None]:
    """A broker that is away needs no farewell: what it has not heard it sends again."""
    try:
        yield
    except (NatsError, OSError) as error:
        logger.warning("broker_error error=%s", error)


async def _connect(broker: BrokerConfig) -> Client:
    """Connect once without trying again, to tell a refusal from a broker that is away; then for good."""
    while True:
        try:
            await (await _open_client(broker, allow_reconnect=False)).close()
            return await _open_client(broker, allow_reconnect=True)
        except (OSError, NatsError) as error:
            if "authorization" in str(error).lower():
                raise ConfigError(f"broker: {broker.url} refuses user {broker.user!r} with this password") from error
            logger.warning("broker_away url=%s error=%s", broker.url, error)
        await asyncio.sleep(_RETRY_S)


async def _open_client(broker: BrokerConfig, *, allow_reconnect: bool) -> Client:
    return await nats.connect(  # pyright: ignore[reportUnknownMemberType]
        list(broker.nodes),
        name=broker.client_id,
        user=broker.user,
        password=broker.read_password(),
        tls=_tls(broker),
        allow_reconnect=allow_reconnect,
        max_reconnect_attempts=-1,
        reconnect_time_wait=_RETRY_S,
        error_cb=_log_error,
    )


def _tls(broker: BrokerConfig) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=broker.ca_file) if broker.ca_file is not None else None


async def _log_error(error: Exception) -> None:
    logger.warning("broker_error error=%s", error)


async def _ensure_consumer(
    stream: JetStreamContext, broker: BrokerConfig, ingest: IngestConfig, *, is_alone: bool
) -> None:
    """Make the durable consumer, or bring it to our settings."""
    config = ConsumerConfig(
        durable_name=broker.client_id,
        filter_subject=_FILTER,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ingest.ack_wait_s,
        max_ack_pending=_BATCHES_IN_FLIGHT * ingest.batch_size,
    )
    while True:
        try:
            await _ensure_stream(stream, is_alone=is_alone)
            await stream.add_consumer(_STREAM, config)  # pyright: ignore[reportUnknownMemberType]
        except NotFoundError:
            logger.info("ingest_waits_for_stream stream=%s", _STREAM)
        except ServiceUnavailableError:
            logger.warning("broker_away url=%s error=JetStream is not ready", broker.url)
        except APIError as error:
            raise ConfigError(f"broker: the consumer {broker.client_id} cannot be made: {error}") from error
        except NatsError as error:
            logger.warning("broker_away url=%s error=%s", broker.url, error)
        else:
            return
        await asyncio.sleep(_RETRY_S)


async def _ensure_stream(stream: JetStreamContext, *, is_alone: bool) -> None:
    """Make the stream as a single server would, so that nothing is sent before somebody listens.

    NATS itself makes it when the first device connects, and throws away what is sent before there is a consumer. In
    a cluster only NATS knows how many replicas it wants: there we wait.
    """
    if is_alone:
        config = StreamConfig(
            name=_STREAM, subjects=[f"{_SUBJECT_PREFIX}>"], retention=RetentionPolicy.INTEREST, num_replicas=1
        )
        with contextlib.suppress(BadRequestError):  # NATS made it already, in its own way
            await stream.add_stream(config)  # pyright: ignore[reportUnknownMemberType]


def _to_delivery(message: Msg) -> Delivery:
    return Delivery(
        topic=to_topic(message.subject.removeprefix(_SUBJECT_PREFIX)),
        payload=message.data,
        received_at=message.metadata.timestamp,
        token=message,
    )


def to_topic(subject: str) -> str:
    """Turn a NATS subject back into the MQTT topic: "." was "/", "//" was ".", and "/." was an empty level's "/"."""
    return subject.replace("//", "\x00").replace("/.", "/").replace(".", "/").replace("\x00", ".")
