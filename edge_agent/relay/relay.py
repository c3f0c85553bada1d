"""From the stop's own broker to the cloud's, and back.

Each message is signed by the bus that made it and passed on as it is. It is acknowledged to the stop's broker only when
the cloud's broker has it; that broker may lose it all the same, and the bus keeps it until the cloud's receipt.
"""

import logging
import queue
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from prometheus_client import Counter

from edge_agent.config import RelayConfig
from edge_agent.errors import ConfigurationError
from telemetry.server import Needs
from wire.broker_url import host_and_port
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.errors import TopicError
from wire.messages import Carrying, Kind, Presence, State
from wire.relayed import MAX_SIGNED_BYTES, carried_topic, relayed_topic, speaker_of_relayed
from wire.topics import TO_DEVICE, Topic, device_topics, parse_topic

log = logging.getLogger(__name__)

WINDOW: Final = 256  # messages under way to the cloud at once
MOST_BUSES: Final = 2000  # that are listened for; the one that was here longest ago goes first
KEEPALIVE_S: Final = 30
CARRIED: Final = Counter("busense_relay_carried", "Messages of buses that the cloud's broker has taken.")
REFUSED: Final = Counter("busense_relay_refused", "Messages at this stop that are none of a bus.")
PRESENT_EVERY_S: Final = 60.0  # says that it is there: what it said first may have come before anybody listened
SAY_SOON_S: Final = 5.0  # when something has begun to wait here, or nothing waits any more
_TICK_S: Final = 0.05
_LONGEST_WAIT_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _HandedOver:
    """A message of a bus, not acknowledged yet."""

    topic: str
    payload: bytes
    packet_id: int
    qos: int
    connection: int  # number of the connection it came on; packet ids mean nothing on another one
    at_s: float  # by the monotonic clock


class Relay:
    """One stop."""

    def __init__(self, config: RelayConfig, *, needs: Needs | None = None) -> None:
        """Prepare both connections.

        Raises:
            ConfigurationError: a password, a secret, the certificate or the authorities cannot be read.
        """
        self._config = config
        self._needs = needs or Needs()
        self._handed_over: queue.SimpleQueue[_HandedOver] = queue.SimpleQueue()
        self._under_way: dict[int, _HandedOver] = {}  # by message id
        self._taken: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._buses: dict[str, None] = {}  # in the order in which they were here last
        self._carried = self._refused = 0
        self._connection = 0
        self._said_s = -PRESENT_EVERY_S
        self._said_waiting = False
        self._contexts: list[ssl.SSLContext] = []
        self._stop_side = self._open_stop_side()
        self._cloud_side = self._open_cloud_side()
        self._show_certificate()

    def run(self, stop: threading.Event) -> None:
        """Carry until told to stop."""
        for client, url in ((self._cloud_side, self._config.broker.url), (self._stop_side, self._config.stop.url)):
            client.connect_async(*host_and_port(url), keepalive=KEEPALIVE_S)
            client.loop_start()
        try:
            while not stop.is_set():
                self._carry()
                self._settle()
                self._say_that_it_is_there()
        finally:
            for client in (self._stop_side, self._cloud_side):
                client.disconnect()
                client.loop_stop()

    def _carry(self) -> None:
        """Pass on what was handed over, as far as the window has room."""
        if len(self._under_way) >= WINDOW or not self._cloud_side.is_connected():
            time.sleep(_TICK_S)
            return
        with suppress(queue.Empty):
            message = self._handed_over.get(timeout=_TICK_S)
            while True:
                self._pass_on(message)
                if len(self._under_way) >= WINDOW:
                    return
                message = self._handed_over.get_nowait()

    def _pass_on(self, message: _HandedOver) -> None:
        speaker = speaker_of_relayed(message.topic)
        if speaker is None or speaker[0] != self._config.identity.city or len(message.payload) > MAX_SIGNED_BYTES:
            REFUSED.inc()
            self._refused += 1
            log.warning("message_refused topic=%s bytes=%d", message.topic[:200], len(message.payload))
            self._acknowledge(message)
            return
        city, bus = speaker
        self._listen_for(bus)
        topic = carried_topic(city=city, device=bus, stop=self._config.identity.device)
        sent = self._cloud_side.publish(topic, message.payload, qos=1)
        self._under_way[sent.mid] = message

    def _settle(self) -> None:
        """Acknowledge what the cloud's broker has taken."""
        with suppress(queue.Empty):
            while True:
                message = self._under_way.pop(self._taken.get_nowait(), None)
                if message is not None:
                    self._acknowledge(message)
                    CARRIED.inc()
                    self._carried += 1

    def _acknowledge(self, message: _HandedOver) -> None:
        if message.connection == self._connection:
            self._stop_side.ack(message.packet_id, message.qos)

    def _say_that_it_is_there(self) -> None:
        carrying = self._carrying()
        is_news = (carrying.waiting > 0) is not self._said_waiting
        due_s = self._said_s + (SAY_SOON_S if is_news else PRESENT_EVERY_S)
        if self._cloud_side.is_connected() and time.monotonic() > due_s:
            self._said_s, self._said_waiting = time.monotonic(), carrying.waiting > 0
            self._cloud_side.publish(*self._presence(Presence.ONLINE, carrying), qos=1, retain=True)

    def _carrying(self) -> Carrying:
        """What waits here; what is still queued was handed over after all that is under way."""
        oldest_s = next((time.monotonic() - message.at_s for message in self._under_way.values()), 0.0)
        return Carrying(
            waiting=len(self._under_way) + self._handed_over.qsize(),
            oldest_s=oldest_s,
            carried=self._carried,
            refused=self._refused,
        )

    def _listen_for(self, bus: str) -> None:
        """Hear what the cloud says to a bus that was here."""
        is_new = bus not in self._buses
        self._buses.pop(bus, None)
        self._buses[bus] = None
        if is_new:
            self._cloud_side.subscribe(self._topics_to([bus]))
        if len(self._buses) > MOST_BUSES:
            gone = next(iter(self._buses))
            del self._buses[gone]
            self._cloud_side.unsubscribe([topic for topic, _ in self._topics_to([gone])])

    def _topics_to(self, buses: list[str]) -> list[tuple[str, int]]:
        city = self._config.identity.city
        return [(topic, 1) for bus in buses for topic in device_topics(city=city, device=bus, kinds=TO_DEVICE)]

    def _open_stop_side(self) -> mqtt.Client:
        settings = self._config.stop
        client = self._client("relay", settings.url, settings.ca_file)
        client.username_pw_set(settings.user, settings.password())
        client.manual_ack_set(True)
        client.on_connect = self._on_stop_connected
        client.on_disconnect = self._on_stop_lost
        client.on_message = self._on_handed_over
        return client

    def _open_cloud_side(self) -> mqtt.Client:
        identity, settings = self._config.identity, self._config.broker
        client = self._client(f"busense-{identity.city}-{identity.device}-relay", settings.url, settings.ca_file)
        if (secret := identity.secret()) is not None:
            client.username_pw_set(identity.device, secret)
        client.max_inflight_messages_set(WINDOW)
        client.will_set(*self._presence(Presence.OFFLINE), qos=1, retain=True)
        client.on_connect = self._on_cloud_connected
        client.on_publish = self._on_taken
        client.on_disconnect = self._on_cloud_lost
        client.on_message = self._on_said
        return client

    def _client(self, name: str, url: str, ca_file: Path | None) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False, protocol=mqtt.MQTTv311)
        client.reconnect_delay_set(1, _LONGEST_WAIT_S)
        if url.startswith("mqtts://"):
            context = _context(ca_file)
            client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType] - paho does not type it
            self._contexts.append(context)
        return client

    def _show_certificate(self) -> None:
        """Use the certificate that is there now: `busense enrol` renews it in time.

        Raises:
            ConfigurationError: it cannot be read.
        """
        if (file := self._config.identity.certificate_file) is None:
            return
        try:
            for context in self._contexts:
                context.load_cert_chain(file)
        except OSError as error:
            raise ConfigurationError(f"identity.certificate_file {file} cannot be read: {error}") from error

    def _on_stop_connected(
        self, client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._needs.lack("stop", f"{self._config.stop.url} refuses {self._config.stop.user}: {code}")
            return
        self._connection += 1
        client.subscribe(relayed_topic(city=self._config.identity.city, device="+"), qos=1)
        self._needs.have("stop")
        log.info("stop_connected url=%s", self._config.stop.url)

    def _on_cloud_connected(
        self, client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._needs.lack("broker", f"{self._config.broker.url} refuses this stop: {code}")
            return
        self._said_s = -PRESENT_EVERY_S
        if self._buses:
            client.subscribe(self._topics_to(list(self._buses)))
        self._needs.have("broker")
        log.info("broker_connected device=%s url=%s", self._config.identity.device, self._config.broker.url)

    def _presence(self, presence: Presence, carrying: Carrying | None = None) -> tuple[str, bytes]:
        """Topic and payload of what the stop says of itself."""
        topic = Topic(city=self._config.identity.city, device=self._config.identity.device, kind=Kind.STATE)
        at = datetime.now(UTC)
        data = State(presence=presence, since=at, carrying=carrying)
        return str(topic), encode_envelope(Envelope(id=make_id(at), source=topic.source, time=at, data=data))

    def _on_stop_lost(self, *_: object) -> None:
        self._needs.lack("stop", f"{self._config.stop.url} does not answer")

    def _on_cloud_lost(self, *_: object) -> None:
        self._needs.lack("broker", f"{self._config.broker.url} does not answer")
        try:
            self._show_certificate()
        except ConfigurationError as error:  # the one before may still be good
            log.warning("certificate_unreadable error=%s", error)

    def _on_taken(self, _client: mqtt.Client, _data: object, number: int, _code: object, _properties: object) -> None:
        self._taken.put(number)

    def _on_handed_over(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._handed_over.put(
            _HandedOver(
                topic=message.topic,
                payload=bytes(message.payload),
                packet_id=message.mid,
                qos=message.qos,
                connection=self._connection,
                at_s=time.monotonic(),
            )
        )

    def _on_said(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """Bring it to the bus: a receipt waits here for it, retained; the rest in the bus's own session."""
        try:
            kind = parse_topic(message.topic).kind
        except TopicError:
            return
        self._stop_side.publish(message.topic, bytes(message.payload), qos=1, retain=kind is Kind.STORED)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"ca_file {ca_file} cannot be read: {error}") from error
