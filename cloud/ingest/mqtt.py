"""Any MQTT broker: a persistent session that acknowledges by hand, after the commit."""

import asyncio
import logging
import queue
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.config import BrokerConfig, IngestConfig
from cloud.ingest.subscriber import IDLE_S, Delivery
from cloud.mqtt import address_of, make_client
from wire.topics import ALL_TOPICS

logger = logging.getLogger(__name__)

_KEEPALIVE_S: Final = 30
# Nothing for so long means that the broker's window is full: it waits for our acknowledgements, so do not linger.
_QUIET_S: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    connection: int  # number of the connection it came on; packet ids mean nothing on another one
    packet_id: int
    qos: int


class MqttSubscriber:
    """Takes what paho's thread puts into a queue of one batch; while it is full, the connection is not read."""

    def __init__(self, broker: BrokerConfig, ingest: IngestConfig) -> None:
        self._batch_size = ingest.batch_size
        self._batch_s = ingest.batch_ms / 1000
        self._waiting: queue.Queue[Delivery] = queue.Queue(ingest.batch_size)
        self._connection = 0
        self._filter = ALL_TOPICS if broker.share is None else f"$share/{broker.share}/{ALL_TOPICS}"
        self._is_closing = False
        self._client = make_client(broker, client_id=broker.client_id, is_remembered=True, manual_ack=True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._address = address_of(broker)

    def start(self) -> None:
        """Connect in the background, and again after every break."""
        host, port = self._address
        self._client.connect_async(host, port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()

    async def next_batch(self) -> list[Delivery]:
        """Collect the next batch."""
        return await asyncio.to_thread(self._collect)

    async def acknowledge(self, batch: Sequence[Delivery]) -> None:
        """Acknowledge what came on this connection; the broker brings the rest again."""
        for delivery in batch:
            token = cast("_Token", delivery.token)
            if token.connection == self._connection:
                self._client.ack(token.packet_id, token.qos)

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send at most once."""
        self._client.publish(topic, payload, qos=0)

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    async def backlog(self) -> int | None:
        """MQTT does not tell."""
        return None

    def close(self) -> None:
        """Disconnect; the session stays with the broker."""
        self._is_closing = True
        self._client.disconnect()
        self._client.loop_stop()

    def _collect(self) -> list[Delivery]:
        try:
            batch = [self._waiting.get(timeout=IDLE_S)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + self._batch_s
        while len(batch) < self._batch_size:
            wait_s = min(_QUIET_S, deadline - time.monotonic())
            try:
                batch.append(self._waiting.get(timeout=max(0.0, wait_s)))
            except queue.Empty:
                break
        return batch

    def _on_connect(
        self,
        client: Client,
        userdata: Any,  # noqa: ANN401 - paho's signature
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del userdata, properties
        if reason.is_failure:
            logger.error("broker_refuses reason=%s", reason)
            return
        self._connection += 1
        logger.info("broker_connected session_present=%s", flags.session_present)
        client.subscribe(self._filter, qos=1)

    def _on_subscribe(self, *_arguments: object) -> None:
        logger.info("broker_subscribed filter=%s", self._filter)

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,  # noqa: ANN401 - paho's signature
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del client, userdata, flags, properties
        if not self._is_closing:
            logger.warning("broker_away reason=%s", reason)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:  # noqa: ANN401
        del client, userdata
        token = _Token(connection=self._connection, packet_id=message.mid, qos=message.qos)
        delivery = Delivery(
            topic=message.topic, payload=bytes(message.payload), received_at=datetime.now(UTC), token=token
        )
        while not (self._is_closing or self._has_room_for(delivery)):
            pass

    def _has_room_for(self, delivery: Delivery) -> bool:
        """Put it into the queue, waiting a little; while it is full, paho's thread reads nothing from the broker."""
        try:
            self._waiting.put(delivery, timeout=IDLE_S)
        except queue.Full:
            return False
        return True


@asynccontextmanager
async def open_mqtt(broker: BrokerConfig, ingest: IngestConfig) -> AsyncGenerator[MqttSubscriber]:
    """Connect in the background."""
    subscriber = MqttSubscriber(broker, ingest)
    subscriber.start()
    try:
        yield subscriber
    finally:
        await asyncio.to_thread(subscriber.close)
