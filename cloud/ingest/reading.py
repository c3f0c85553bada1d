"""From bytes to a message or to the reason why not; pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloud.ingest.subscriber import Delivery
from cloud.observations.received import Received, mark_clock
from wire.codec import decode_message, read_label
from wire.envelope import Envelope, time_of_id
from wire.errors import DecodeError, TopicError
from wire.messages import Detection
from wire.topics import TO_DEVICE, parse_topic

_SLUG: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SPEAKER: Final = re.compile(rf"busense/v1/({_SLUG})/({_SLUG})/.+", re.DOTALL)

UNKNOWN_DEVICE: Final = "unknown_device"
CONSTRAINT: Final = "constraint"
STUMBLED: Final = "stumbled"  # our own code failed on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message for the quarantine."""

    delivery: Delivery
    reason: str
    detail: str
    city: str | None
    device: str | None
    event_id: str | None
    stream: str | None
    sequence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A valid message; whether its device is enrolled is not known yet."""

    delivery: Delivery
    city: str
    device: str
    envelope: Envelope


def read_delivery(delivery: Delivery) -> Readable | Rejected:
    """Decode one message."""
    try:
        topic, envelope = decode_message(topic=delivery.topic, payload=delivery.payload)
    except DecodeError as error:
        return reject(delivery, reason=error.reason.value, detail=error.detail)
    return Readable(delivery=delivery, city=topic.city, device=topic.device, envelope=envelope)


def reject(delivery: Delivery, *, reason: str, detail: str) -> Rejected:
    """Label a message as well as can be told, so that its device learns that it need not send it again."""
    label = read_label(delivery.payload)
    speaker = _SPEAKER.fullmatch(delivery.topic)
    return Rejected(
        delivery=delivery,
        reason=reason,
        detail=detail,
        city=speaker[1] if speaker is not None else None,
        device=speaker[2] if speaker is not None else None,
        event_id=label.id,
        stream=label.stream,
        sequence=label.sequence,
    )


def admit(readable: Readable, enrolled_at: datetime | None) -> Received | Rejected:
    """Take a message of an enrolled device."""
    delivery = readable.delivery
    if enrolled_at is None:
        detail = f"enrol it with `busense fleet enrol {readable.city}/{readable.device}`, then replay"
        return reject(delivery, reason=UNKNOWN_DEVICE, detail=detail)
    envelope = readable.envelope
    at = envelope.data.observed_at if isinstance(envelope.data, Detection) else envelope.time
    return Received(
        city=readable.city,
        device=readable.device,
        envelope=envelope,
        received_at=delivery.received_at,
        id_at=time_of_id(envelope.id),
        clock_mark=mark_clock(at=at, received_at=delivery.received_at, enrolled_at=enrolled_at),
    )


def is_for_devices(topic: str) -> bool:
    """Tell our own messages to devices, which an MQTT subscription brings back to us."""
    try:
        return parse_topic(topic).kind in TO_DEVICE
    except TopicError:
        return False
