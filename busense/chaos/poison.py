"""Messages that nobody can read or store, each another one."""

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Driving, DrivingKind, Kind
from wire.topics import Topic

_HEARD_WITHIN_S: Final = 5.0

Message = tuple[str, bytes]  # topic and payload


def make_poison(chance: random.Random, *, city: str, device: str) -> list[Message]:
    """One of each sort: no JSON, an unknown type, too deep, too large, a row that breaks a constraint, a stranger."""
    token = f"{chance.getrandbits(64):016x}"
    topic = str(Topic(city=city, device=device, kind=Kind.DRIVING))
    stranger = str(Topic(city=city, device="bus-nobody", kind=Kind.DRIVING))
    return [
        (topic, b"\xff\xfe" + token.encode()),
        (topic, json.dumps({"type": f"busense.rumour-{token}.v1"}).encode()),
        (topic, b'{"a":' * 30 + f'"{token}"'.encode() + b"}" * 30),
        (topic, json.dumps({"padding": token * 5000}).encode()),
        (topic, _backwards(city, device)),
        (stranger, _backwards(city, "bus-nobody")),
    ]


def digest_of(message: Message) -> bytes:
    """As the quarantine tells messages apart."""
    topic, payload = message
    return hashlib.sha256(topic.encode() + b"\x00" + payload).digest()


def publish(messages: list[Message], *, mqtt_url: str, password: str) -> bool:
    """Publish as the cloud's own user, who may speak on every topic; whether the broker took all of them."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="chaos-poison", protocol=mqtt.MQTTv311)
    client.username_pw_set("cloud", password)
    address = urlsplit(mqtt_url)
    try:
        client.connect(address.hostname or "", address.port or 0)
        client.loop_start()
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
        for each in sent:
            each.wait_for_publish(_HEARD_WITHIN_S)
        return all(each.is_published() for each in sent)
    except (OSError, RuntimeError, ValueError):
        return False
    finally:
        client.disconnect()
        client.loop_stop()


def _backwards(city: str, device: str) -> bytes:
    """An event that ends before it begins: it can be read, but no table takes it."""
    at = datetime.now(UTC)
    event = Driving(
        kind=DrivingKind.HARSH_BRAKING,
        from_at=at,
        to_at=at - timedelta(seconds=5),
        lon=120.0,
        lat=27.0,
        peak_mps2=4.0,
        speed_mps=5.0,
        window=(),
    )
    envelope = Envelope(id=make_id(at), source=f"/{city}/{device}", time=at, data=event, stream=make_id(at), sequence=1)
    return encode_envelope(envelope)
