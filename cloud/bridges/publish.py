"""To the broker by MQTT, as a bus comes: what it has is promised, and then stored by ingest like everything else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.config import BrokerConfig
from cloud.errors import UnavailableError
from cloud.mqtt import address_of, make_client
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Driving, Track
from wire.topics import Topic

PROMISE_S: Final = 10.0
IN_FLIGHT: Final = 200  # on each connection
LINES: Final = 8
_KEEPALIVE_S: Final = 30


class Speaker(Protocol):
    """A device in whose name a bridge speaks."""

    @property
    def city(self) -> str: ...

    @property
    def device(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message, and the id that it always has."""

    id: str
    at: datetime
    message: Track | Driving


class Numbers:
    """The stream of each device, counted without gaps. A number that may be lost ends its stream."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[str, int]] = {}

    def next(self, speaker: Speaker) -> tuple[str, int]:
        """Stream and number of the next message."""
        key = speaker.city, speaker.device
        stream, last = self._last.get(key) or (make_id(datetime.now(UTC)), 0)
        self._last[key] = stream, last + 1
        return stream, last + 1

    def end(self, speaker: Speaker) -> None:
        """Begin a new stream with the next message."""
        self._last.pop((speaker.city, speaker.device), None)


class Publisher:
    """A few connections for all devices; each message is waited for until the broker has it.

    NATS takes one message of a connection after the other, each until it lies on its disk: one connection would be
    the bound of everything.
    """

    def __init__(self, broker: BrokerConfig) -> None:
        self._numbers = Numbers()
        self._lines = [_Line(broker, f"{broker.client_id}-{number}") for number in range(LINES)]

    async def publish(self, speaker: Speaker, said: Said) -> None:
        """Hand a message to the broker. Those of one device are to come one after the other.

        Raises:
            UnavailableError: the broker has not promised to have it; whoever said it must say it again.
        """
        stream, sequence = self._numbers.next(speaker)
        envelope = Envelope(
            id=said.id,
            source=f"/{speaker.city}/{speaker.device}",
            time=said.at,
            data=said.message,
            stream=stream,
            sequence=sequence,
        )
        topic = str(Topic(city=speaker.city, device=speaker.device, kind=envelope.kind))
        line = self._lines[hash(speaker.device) % LINES]
        try:
            await line.send(topic, encode_envelope(envelope))
        except BaseException:
            self._numbers.end(speaker)
            raise

    async def connect(self) -> None:
        """Wait for the broker as one does at a start; where it is away, what comes is refused until it is back."""
        await asyncio.gather(*(line.connect() for line in self._lines))

    def close(self) -> None:
        """Disconnect."""
        for line in self._lines:
            line.close()


class _Line:
    """One connection to the broker."""

    def __init__(self, broker: BrokerConfig, client_id: str) -> None:
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._client = make_client(broker, client_id=client_id)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.max_queued_messages_set(IN_FLIGHT)
        self._connected = asyncio.Event()  # for the first time
        self._client.on_publish = self._on_publish
        self._client.on_connect = self._on_connect
        self._client.connect_async(*address_of(broker), _KEEPALIVE_S)
        self._client.loop_start()

    async def connect(self) -> None:
        """Wait for the first connection, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PROMISE_S):
                await self._connected.wait()

    async def send(self, topic: str, payload: bytes) -> None:
        """Send it and wait for the promise.

        Raises:
            UnavailableError: there is none.
        """
        async with self._room:
            if not self._client.is_connected():
                raise UnavailableError("the broker is away")
            info = self._client.publish(topic, payload, qos=1)
            if info.rc != MQTT_ERR_SUCCESS:
                raise UnavailableError(f"the broker cannot be told: {info.rc}")
            # The broker's answer is noted by this loop, so it finds the promise however fast it is.
            promise = self._waiting[info.mid] = self._loop.create_future()
            try:
                async with asyncio.timeout(PROMISE_S):
                    await promise
            except TimeoutError as error:
                raise UnavailableError("the broker does not answer") from error
            finally:
                self._waiting.pop(info.mid, None)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self,
        _client: Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        _flags: ConnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._connected.set)

    def _on_publish(
        self,
        _client: Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        mid: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        self._loop.call_soon_threadsafe(self._note, mid)

    def _note(self, mid: int) -> None:
        promise = self._waiting.get(mid)
        if promise is not None and not promise.done():
            promise.set_result(None)


@asynccontextmanager
async def open_publisher(broker: BrokerConfig) -> AsyncGenerator[Publisher]:
    """Connect, and in the background again after every break."""
    publisher = Publisher(broker)
    try:
        await publisher.connect()
        yield publisher
    finally:
        await asyncio.to_thread(publisher.close)
