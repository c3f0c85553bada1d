"""From the outbox to the broker: MQTT 3.1.1, QoS 1, for ever."""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode
from prometheus_client import Counter

from edge_agent.clock import BusClock
from edge_agent.errors import ConnectionLostError
from edge_agent.uplink.orders import Orders
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.sending import LOOK_EVERY_S, Number, Waiting
from telemetry.server import Needs
from wire.broker_url import host_and_port
from wire.codec import decode_message, encode_envelope
from wire.envelope import Envelope, make_id
from wire.errors import DecodeError, SigningError
from wire.messages import Command, CommandKind, Kind, Message, Presence, State, Stored, TwinDesired, TwinReported
from wire.relayed import Signer, relayed_topic
from wire.topics import RETAINED, TO_DEVICE, Topic, device_topics

log = logging.getLogger(__name__)

WINDOW: Final = 64  # messages under way at once
KEEPALIVE_S: Final = 30
CONNECT_TIMEOUT_S: Final = 10.0
PUBACK_TIMEOUT_S: Final = 20.0
"""A broker that is there answers at once; one that lost our message never does, and MQTT 3.1.1 sends again only
after a new connection."""
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 60.0
LONGEST_WAIT_BETWEEN_STOPS_S: Final = 2.0  # a bus halts for some ten seconds, and trying costs no mobile data
LINGER_S: Final = 3.0  # at the end; the cloud gives a receipt at most each 2 s
SENT_BYTES: Final = Counter("busense_agent_sent_bytes", "Bytes of messages sent, sendings again too.", ["kind"])
_TICK_S: Final = 0.05
_CLOCK_POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and who we are to it."""

    url: str  # mqtt://host:port or mqtts://host:port
    city: str
    device: str
    secret: str
    ca_file: Path | None = None
    certificate_file: Path | None = None  # certificate and key: then the broker wants no secret
    is_relay: bool = False
    """A stop's broker: what it is given is signed, since others carry it from there on."""

    @property
    def source(self) -> str:
        return f"/{self.city}/{self.device}"


class Publisher:
    """Keeps one connection, and makes a new one after each loss, to the first of its brokers that is there."""

    def __init__(
        self,
        addresses: Sequence[BrokerAddress],
        outbox: Outbox,
        *,
        now: Callable[[], datetime],
        puback_timeout_s: float = PUBACK_TIMEOUT_S,
        clock: BusClock | None = None,
        needs: Needs | None = None,
        orders: Orders | None = None,
    ) -> None:
        self._addresses = addresses
        self._longest_wait_s = (
            LONGEST_WAIT_BETWEEN_STOPS_S if any(each.is_relay for each in addresses) else LONGEST_WAIT_S
        )
        self._outbox = outbox
        self._now = now
        self._clock = clock
        self._puback_timeout_s = puback_timeout_s
        self._needs = needs or Needs()
        self._orders = orders or Orders()
        self.connections = 0
        self.commands = 0

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; waits longer after each failure, with chance so that a fleet does not march."""
        self._wait_for_the_time(stop)
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            was_connected = any(self._was_connected(address, stop) for address in self._addresses)
            wait_s = FIRST_WAIT_S if was_connected else min(2 * wait_s, self._longest_wait_s)
            stop.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def _was_connected(self, address: BrokerAddress, stop: threading.Event) -> bool:
        """Send to one broker until the connection ends; whether there was one."""
        try:
            session = self._session(address)
        except ConnectionLostError as error:
            self._note_lost(address, error)
            return False
        try:
            session.run(stop)
        except ConnectionLostError as error:
            self._note_lost(address, error)
        self.commands += session.commands
        self.connections += session.was_connected
        return session.was_connected

    def _session(self, address: BrokerAddress) -> "_Session":
        return _Session(
            address,
            self._outbox,
            now=self._now,
            puback_timeout_s=self._puback_timeout_s,
            needs=self._needs,
            orders=self._orders,
        )

    def _note_lost(self, address: BrokerAddress, error: ConnectionLostError) -> None:
        self._needs.lack("broker", str(error))
        log.warning("broker_lost device=%s error=%s", address.device, error)

    def _wait_for_the_time(self, stop: threading.Event) -> None:
        """Tell nothing with a time that cannot be right, if it may soon be known."""
        while self._clock is not None and self._clock.is_worth_waiting_for and not stop.wait(_CLOCK_POLL_S):
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool


class _Session:
    """One connection, driven by one thread: paho's callbacks run inside `loop`."""

    def __init__(
        self,
        address: BrokerAddress,
        outbox: Outbox,
        *,
        now: Callable[[], datetime],
        puback_timeout_s: float,
        needs: Needs,
        orders: Orders,
    ) -> None:
        """Read certificate and key, which may have been renewed.

        Raises:
            ConnectionLostError: they cannot be read.
        """
        self._address = address
        self._outbox = outbox
        self._now = now
        self._puback_timeout_s = puback_timeout_s
        self._needs = needs
        self._orders = orders
        self._told: TwinReported | None = None
        self._in_flight: dict[int, tuple[Number, float]] = {}  # by message id; with the time of sending
        self._acknowledged: list[Number] = []
        self._refusal: str | None = None
        self._looked_at_s = 0.0
        self._since = now()
        self.was_connected = False
        self.commands = 0
        self._signer = self._read_signer()
        self._client = self._make_client()

    def run(self, stop: threading.Event) -> None:
        """Connect and send until told to stop.

        Raises:
            ConnectionLostError: no connection, or none any more.
        """
        try:
            self._connect(stop)
            while not stop.is_set():
                self._loop()
                self._tell_twin()
                self._send_due()
                self._check_acknowledgements()
            if self.was_connected:
                self._linger()
                self._say_goodbye()
        except (OSError, ValueError) as error:
            raise ConnectionLostError(f"{self._address.url}: {error}") from error
        finally:
            self._note_acknowledged()
            self._client.disconnect()

    def _read_signer(self) -> Signer | None:
        if not self._address.is_relay or self._address.certificate_file is None:
            return None
        try:
            return Signer.read(self._address.certificate_file)
        except SigningError as error:
            raise ConnectionLostError(f"{self._address.url}: {error}") from error

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"busense-{self._address.city}-{self._address.device}",
            clean_session=False,  # commands wait for us
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        if self._address.certificate_file is None:
            client.username_pw_set(self._address.device, self._address.secret)
        client.max_inflight_messages_set(WINDOW + 8)
        client.will_set(**asdict(self._letter(Kind.STATE, encode_envelope(self._state(Presence.OFFLINE)))))
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        if self._address.url.startswith("mqtts://"):
            client.tls_set_context(self._tls())  # pyright: ignore[reportUnknownMemberType] - paho does not type it
        return client

    def _tls(self) -> ssl.SSLContext:
        ca_file, certificate_file = self._address.ca_file, self._address.certificate_file
        try:
            context = ssl.create_default_context(cafile=ca_file)
            if certificate_file is not None:
                context.load_cert_chain(certificate_file)
        except OSError as error:
            files = " or ".join(str(file) for file in (ca_file, certificate_file) if file is not None)
            raise ConnectionLostError(f"{self._address.url}: {files} cannot be read: {error}") from error
        return context

    def _connect(self, stop: threading.Event) -> None:
        self._client.connect(*host_and_port(self._address.url), keepalive=KEEPALIVE_S)
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not self.was_connected and not stop.is_set():
            self._loop()
            if time.monotonic() > deadline:
                raise ConnectionLostError(f"{self._address.url} does not answer within {CONNECT_TIMEOUT_S:.0f} s")

    def _loop(self) -> None:
        result = self._client.loop(_TICK_S)
        if self._refusal is not None:
            raise ConnectionLostError(f"{self._address.url} refuses {self._address.device}: {self._refusal}")
        if result is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionLostError(f"{self._address.url}: {mqtt.error_string(result)}")
        self._note_acknowledged()

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._refusal = str(code)
            return
        topics = device_topics(city=self._address.city, device=self._address.device, kinds=TO_DEVICE)
        client.subscribe([(topic, 1) for topic in topics])
        self._publish(Kind.STATE, encode_envelope(self._state(Presence.ONLINE)))
        self._outbox.begin_session()
        self.was_connected = True
        self._needs.have("broker")
        log.info("broker_connected device=%s url=%s", self._address.device, self._address.url)

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, _code: object, _properties: object) -> None:
        number, _ = self._in_flight.pop(mid, (None, 0.0))
        if number is not None:
            self._acknowledged.append(number)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            _, envelope = decode_message(topic=message.topic, payload=bytes(message.payload))
        except DecodeError as error:
            log.warning("message_refused topic=%s error=%s", message.topic, error)
            return
        match envelope.data:
            case Stored() as receipt:
                self._outbox.apply_receipt(receipt)
            case TwinDesired() as desired:
                self._orders.twin.desire(desired)
            case Command() as command:
                self.commands += 1
                self._obey(command, envelope.id)
            case _:
                log.info("message_ignored kind=%s", envelope.kind.value)

    def _obey(self, command: Command, number: str) -> None:
        log.info("command_received kind=%s expires_at=%s", command.kind.value, command.expires_at.isoformat())
        if command.expires_at <= self._now():
            return
        match command.kind:
            case CommandKind.RESTART:
                self._orders.restart()
            case CommandKind.SEND_PICTURE | CommandKind.SEND_LOGS:
                self._orders.answer(command.kind, number)
            case CommandKind.INSPECT_PLACE:
                log.info("command_ignored kind=%s", command.kind.value)

    def _tell_twin(self) -> None:
        """Say what is real, once a session and at each change."""
        report = self._orders.twin.report
        if report != self._told:
            payload = encode_envelope(self._envelope(report))
            self._publish(Kind.TWIN_REPORTED, payload)
            self._told = report

    def _send_due(self) -> None:
        """Fill the window, when there may be something to send."""
        now_s = time.monotonic()
        if not self._outbox.changed.is_set() and now_s - self._looked_at_s < LOOK_EVERY_S:
            return
        self._outbox.changed.clear()
        self._looked_at_s = now_s
        for message in self._outbox.next_to_send(WINDOW - len(self._in_flight)):
            self._send(message)

    def _send(self, message: Waiting) -> None:
        info = self._publish(message.kind, message.payload)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionLostError(f"{self._address.url}: {mqtt.error_string(info.rc)}")
        self._in_flight[info.mid] = message.number, time.monotonic()
        SENT_BYTES.labels(message.kind.value).inc(len(message.payload))

    def _publish(self, kind: Kind, payload: bytes) -> mqtt.MQTTMessageInfo:
        return self._client.publish(**asdict(self._letter(kind, payload)))

    def _letter(self, kind: Kind, payload: bytes) -> "_Letter":
        city, device = self._address.city, self._address.device
        if self._signer is None:
            topic = str(Topic(city=city, device=device, kind=kind))
            return _Letter(topic=topic, payload=payload, retain=kind in RETAINED)
        return _Letter(topic=relayed_topic(city=city, device=device), payload=self._signer.sign(payload), retain=False)

    def _note_acknowledged(self) -> None:
        if self._acknowledged:
            self._outbox.mark_sent(self._acknowledged)
            self._acknowledged.clear()
            self._outbox.changed.set()  # the window has room again

    def _check_acknowledgements(self) -> None:
        oldest_s = min((sent_s for _, sent_s in self._in_flight.values()), default=None)
        if oldest_s is not None and time.monotonic() - oldest_s > self._puback_timeout_s:
            raise ConnectionLostError(
                f"{self._address.url} has not acknowledged a message for {self._puback_timeout_s:.0f} s"
            )

    def _linger(self) -> None:
        """Send what was put last and hear its receipt, so that the next start need not tell it again."""
        self._outbox.changed.set()
        deadline = time.monotonic() + LINGER_S
        while self._outbox.depth().messages and time.monotonic() < deadline:
            self._send_due()
            self._loop()

    def _say_goodbye(self) -> None:
        """Say that we leave on purpose, and hear that it was heard."""
        payload = encode_envelope(self._state(Presence.OFFLINE))
        info = self._publish(Kind.STATE, payload)
        deadline = time.monotonic() + LINGER_S
        while not info.is_published() and time.monotonic() < deadline:
            self._loop()

    def _state(self, presence: Presence) -> Envelope:
        since = self._since if presence is Presence.OFFLINE else self._now()
        return self._envelope(State(presence=presence, since=since))

    def _envelope(self, data: Message) -> Envelope:
        at = self._now()
        return Envelope(id=make_id(at), source=self._address.source, time=at, data=data)
