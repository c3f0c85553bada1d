"""Who the broker lets in, and what each may say and hear: written for NATS, which reads it again when told to."""

import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from cloud.fleet.enrolment import GoodCertificate
from telemetry.replaced import replaced
from wire.topics import TO_DEVICE, device_topics


def device_permissions(*, city: str, device: str) -> dict[str, list[str]]:
    """What a device may do: publish under its own name, and hear what is meant for it.

    A subscription of QoS 1 is served through an inner subject `$MQTT.sub.…`, whose name the broker draws.
    """
    return {"publish": [f"busense.v1.{city}.{device}.>"], "subscribe": [*_heard(city, device), "$MQTT.sub.>"]}


def relay_permissions(*, city: str, device: str) -> dict[str, list[str]]:
    """The same for a stop that carries what buses signed, in its own name, and brings back what is meant for them."""
    own = device_permissions(city=city, device=device)
    return {
        "publish": [*own["publish"], f"busense.v1.{city}.*.relayed.{device}"],
        "subscribe": [*_heard(city, "*"), "$MQTT.sub.>"],
    }


def stop_permissions(city: str) -> dict[str, list[str]]:
    """What any bus may do at a stop: hand over what it has signed, and hear what the cloud says to buses."""
    return {"publish": [f"busense.v1.{city}.*.relayed"], "subscribe": [*_heard(city, "*"), "$MQTT.sub.>"]}


def _heard(city: str, device: str) -> list[str]:
    return [topic.replace("/", ".") for topic in device_topics(city=city, device=device, kinds=TO_DEVICE)]


def certificate_users(certificates: Iterable[GoodCertificate]) -> list[dict[str, object]]:
    """A user for each certificate, known by the name in it."""
    return [{"user": known.name, "permissions": _permissions(known)} for known in certificates]


def _permissions(known: GoodCertificate) -> dict[str, list[str]]:
    permissions = relay_permissions if known.is_relay else device_permissions
    return permissions(city=known.city, device=known.device)


def write_users(path: Path, certificates: Iterable[GoodCertificate]) -> bool:
    """Write the file that nats.conf includes, without the cloud's password; whether it is another than before."""
    users = [{"user": "cloud", "password": "CLOUD"}, *certificate_users(certificates)]
    text = "users: " + json.dumps(users, indent=1).replace('"CLOUD"', "$CLOUD_PASSWORD") + "\n"
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return False
    with replaced(path, is_private=True) as file:
        file.write(content)
    return True


def reload_broker(pid: int) -> None:
    """Let NATS read its configuration again; it closes the connections of users that are gone."""
    os.kill(pid, signal.SIGHUP)
