"""A durable pull consumer on the stream in which NATS keeps MQTT messages; any number of ingesters share it."""

import asyncio
import contextlib
import json
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, Header, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServiceUnavailableError

from cloud.config import BrokerConfig, IngestConfig
from cloud.errors import ConfigError
from cloud.ingest.subscriber import IDLE_S, Delivery

logger = logging.getLogger(__name__)

_STREAM: Final = "$MQTT_msgs"
_SUBJECT_PREFIX: Final = "$MQTT.msgs."
_FILTER: Final = f"{_SUBJECT_PREFIX}busense.v1.>"
_RETRY_S: Final = 1.0
_REQUEST_S: Final = 2.0  # an open request ends after this time; then another is made
_SLACK_S: Final = 1.0  # the broker's word about its end may be so late; then it was lost with a connection
_BATCH_BYTES: Final = 4 * 1024 * 1024
_TIME_IS_OVER: Final = "408"
_ENDS: Final = frozenset({"Batch Completed", "Message Size Exceeds MaxBytes"})
_PARTS_OF_OLD: Final = 9
# Batches that may be on their way to all ingesters together before the broker waits for acknowledgements.
_BATCHES_IN_FLIGHT: Final = 16


class JetStreamSubscriber:
    """Keeps a request for messages open, so that they come as soon as they are there; at most a batch waits here.

    A request for each batch, and a task for each of its messages, as nats-py's `fetch` has it, takes three times as
    long (DECISIONS).
    """

    def __init__(
        self,
        client: Client,
        stream: JetStreamContext,
        consumer: str,
        ensure_consumer: Callable[[], Awaitable[None]],
        *,
        ingest: IngestConfig,
    ) -> None:
        self._client = client
        self._stream = stream
        self._consumer = consumer
        self._ensure_consumer = ensure_consumer
        self._batch_size = ingest.batch_size
        self._batch_s = ingest.batch_ms / 1000
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._waiting: list[Msg] = []
        self._waiting_bytes = 0
        self._waiting_since_s = 0.0
        self._came = asyncio.Event()
        self._request = 0  # number of the last one
        self._expected = 0  # what it may still bring
        self._open_until_s = 0.0
        self._trouble: str | None = None

    async def start(self) -> None:
        """Listen for what requests bring, and make the first."""
        self._subscription = await self._client.subscribe(f"{self._inbox}.*", cb=self._take)  # pyright: ignore[reportUnknownMemberType]
        await self._ask()

    async def next_batch(self) -> list[Delivery]:
        """Take what waits: a full batch, or what comes until the oldest has waited long enough."""
        await self._wait(time.monotonic() + IDLE_S, until=lambda: bool(self._waiting))
        if self._trouble is not None:
            await self._mend()
        if not self._waiting:
            return []
        await self._wait(self._waiting_since_s + self._batch_s, until=self._is_full)
        batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
        self._waiting_bytes -= sum(len(message.data) for message in batch)
        self._waiting_since_s = time.monotonic()
        await self._ask()
        return [_to_delivery(message) for message in batch]

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
            consumer = await self._stream.consumer_info(_STREAM, self._consumer)
        except (NatsError, TimeoutError):
            return None
        return (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)

    async def close(self) -> None:
        """Give back what came and was not taken, so that another ingester gets it at once."""
        if self._subscription is not None and self._client.is_connected:
            await self._subscription.drain()
        for message in self._waiting:
            await message.nak()

    async def _wait(self, deadline_s: float, *, until: Callable[[], bool]) -> None:
        while not until() and self._trouble is None and (left_s := deadline_s - time.monotonic()) > 0:
            await self._ask()
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), left_s)

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._batch_size or self._waiting_bytes >= _BATCH_BYTES

    async def _ask(self) -> None:
        """Ask for another batch, unless one waits or what was asked for is still to come."""
        is_open = self._expected > 0 and time.monotonic() < self._open_until_s
        if is_open or self._is_full() or not self._client.is_connected:
            return
        self._request += 1
        self._expected, self._open_until_s = self._batch_size, time.monotonic() + _REQUEST_S + _SLACK_S
        wish = {"batch": self._batch_size, "max_bytes": _BATCH_BYTES, "expires": int(_REQUEST_S * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{_STREAM}.{self._consumer}"
        await self._client.publish(subject, json.dumps(wish).encode(), f"{self._inbox}.{self._request}")

    async def _take(self, message: Msg) -> None:
        status = message.headers.get(Header.STATUS) if message.headers else None
        if status is not None:
            self._note_end(message, status)
        else:
            if not self._waiting:
                self._waiting_since_s = time.monotonic()
            self._waiting.append(message)
            self._waiting_bytes += len(message.data)
            self._expected -= 1
        self._came.set()

    def _note_end(self, message: Msg, status: str) -> None:
        """The broker says that a request has ended; an older one's end is of no interest."""
        if message.subject != f"{self._inbox}.{self._request}":
            return
        self._expected = 0
        words = (message.headers or {}).get(Header.DESCRIPTION, "")
        if status != _TIME_IS_OVER and words not in _ENDS:
            self._trouble = f"{status} {words}".strip()

    async def _mend(self) -> None:
        """A broker that lost its store has lost the consumer with it."""
        logger.warning("broker_error error=%s", self._trouble)
        await asyncio.sleep(_RETRY_S)
        await self._ensure_consumer()
        self._trouble = None


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
        subscriber = JetStreamSubscriber(client, stream, broker.client_id, ensure_consumer, ingest=ingest)
        await subscriber.start()
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
        received_at=taken_at(message.reply),
        token=message,
    )


def taken_at(reply: str) -> datetime:
    """When the broker took a message, from the subject on which it is acknowledged; nanoseconds stand there.

    Source: NATS, ADR-15: nine parts, of newer servers eleven or more.
    """
    parts = reply.split(".")
    return datetime.fromtimestamp(int(parts[7] if len(parts) == _PARTS_OF_OLD else parts[9]) / 1e9, UTC)


def to_topic(subject: str) -> str:
    """Turn a NATS subject back into the MQTT topic: "." was "/", "//" was ".", and "/." was an empty level's "/"."""
    return subject.replace("//", "\x00").replace("/.", "/").replace(".", "/").replace("\x00", ".")
