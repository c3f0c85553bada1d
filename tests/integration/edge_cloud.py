"""A cloud for the vehicle's tests: hears everything, keeps it in memory, and gives receipts when asked."""

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import RunningBroker
from tests.waiting import wait_until
from wire.codec import decode_message, encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Message, Presence, State, Stored, TwinReported
from wire.topics import ALL_TOPICS, Topic


class EdgeCloud:
    """Subscribes like an ingester without a database."""

    def __init__(self, broker: RunningBroker, *, gives_receipts: bool) -> None:
        self._broker = broker
        self._gives_receipts = gives_receipts
        self._lock = threading.Lock()
        self._heard: list[Envelope] = []
        self.presences: list[Presence] = []
        self.reports: list[TwinReported] = []
        self._is_subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="edge-cloud", clean_session=False)
        self._client.username_pw_set("cloud", broker.cloud_password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        address = urlsplit(self._broker.mqtt_url)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect(address.hostname or "", address.port or 0)
        self._client.loop_start()
        wait_until(self._is_subscribed.is_set)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def heard(self) -> list[Envelope]:
        with self._lock:
            return list(self._heard)

    def sequences(self) -> list[int]:
        return [envelope.sequence for envelope in self.heard if envelope.sequence is not None]

    def give_receipt(self, *, device: str, stream: str, up_to: int, missing: tuple[tuple[int, int], ...] = ()) -> None:
        self.send(device, Stored(stream=stream, up_to=up_to, missing=missing))

    def send(self, device: str, data: Message) -> None:
        at = datetime.now(UTC)
        envelope = Envelope(id=make_id(at), source=f"/{self._broker.city}/{device}", time=at, data=data)
        topic = str(Topic(city=self._broker.city, device=device, kind=envelope.kind))
        self._client.publish(topic, encode_envelope(envelope), qos=1)

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, _code: object, _more: object) -> None:
        client.subscribe(ALL_TOPICS, qos=1)

    def _on_subscribe(self, _client: mqtt.Client, _data: object, _mid: int, _codes: object, _more: object) -> None:
        self._is_subscribed.set()

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        topic, envelope = decode_message(topic=message.topic, payload=bytes(message.payload))
        if isinstance(envelope.data, State):
            self.presences.append(envelope.data.presence)
        if isinstance(envelope.data, TwinReported):
            self.reports.append(envelope.data)
        if envelope.stream is None or envelope.sequence is None:
            return
        with self._lock:
            self._heard.append(envelope)
            numbers = {each.sequence for each in self._heard if each.stream == envelope.stream}
        if self._gives_receipts:
            up_to = max(number for number in numbers if number is not None)
            gaps = tuple((number, number) for number in range(1, up_to) if number not in numbers)
            self.give_receipt(device=topic.device, stream=envelope.stream, up_to=up_to, missing=gaps)
