"""From bytes to a message or to the reason why not; pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloud.ingest.subscriber import Delivery
from cloud.observations.received import Received, mark_clock
from wire.codec import decode_envelope, decode_message, read_label
from wire.envelope import Envelope, time_of_id
from wire.errors import DecodeError, Reason, TopicError
from wire.messages import Detection
from wire.relayed import Signed, carrier_of, read_signed
from wire.topics import FROM_DEVICE, PREFIX, SLUG_PATTERN, TO_DEVICE, parse_topic

_SPEAKER: Final = re.compile(rf"{PREFIX}/({SLUG_PATTERN})/({SLUG_PATTERN})/.+", re.DOTALL)

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
    """A valid message; whether its device is enrolled, and signed it if a stop carried it, is not known yet."""

    delivery: Delivery
    city: str
    device: str
    envelope: Envelope
    signed: Signed | None = None
    stop: str | None = None  # that carried it


def read_delivery(delivery: Delivery) -> Readable | Rejected:
    """Decode one message."""
    try:
        carrier = carrier_of(delivery.topic)
        if carrier is not None:
            return _read_relayed(delivery, *carrier)
        topic, envelope = decode_message(topic=delivery.topic, payload=delivery.payload)
    except DecodeError as error:
        return reject(delivery, reason=error.reason.value, detail=error.detail)
    return Readable(delivery=delivery, city=topic.city, device=topic.device, envelope=envelope)


def _read_relayed(delivery: Delivery, city: str, device: str, stop: str) -> Readable:
    signed = read_signed(delivery.payload)
    envelope = decode_envelope(signed.payload)
    if envelope.source != f"/{city}/{device}" or envelope.kind not in FROM_DEVICE:
        detail = f"{envelope.type} of {envelope.source} came on {delivery.topic}; a device speaks only for itself"
        raise DecodeError(Reason.WRONG_TOPIC, detail)
    return Readable(delivery=delivery, city=city, device=device, envelope=envelope, signed=signed, stop=stop)


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


def admit(readable: Readable, enrolled_at: datetime | None, *, public_key: str | None) -> Received | Rejected:
    """Take a message of an enrolled device.

    Args:
        readable: the message.
        enrolled_at: since when its device is enrolled; none when it is not.
        public_key: of the device, the one that the signature names; none when it has no such key that is good.
    """
    delivery = readable.delivery
    if enrolled_at is None:
        detail = f"enrol it with `busense fleet enrol {readable.city}/{readable.device}`, then replay"
        return reject(delivery, reason=UNKNOWN_DEVICE, detail=detail)
    if readable.signed is not None and (public_key is None or not readable.signed.is_by(public_key)):
        detail = "it came by a stop, and no certificate of this device that is good has signed it"
        return reject(delivery, reason=Reason.BAD_SIGNATURE.value, detail=detail)
    envelope = readable.envelope
    at = envelope.data.observed_at if isinstance(envelope.data, Detection) else envelope.time
    return Received(
        city=readable.city,
        device=readable.device,
        envelope=envelope,
        received_at=delivery.received_at,
        id_at=time_of_id(envelope.id),
        clock_mark=mark_clock(at=at, received_at=delivery.received_at, enrolled_at=enrolled_at),
        stop=readable.stop,
    )


def is_for_devices(topic: str) -> bool:
    """Tell our own messages to devices, which an MQTT subscription brings back to us."""
    try:
        return parse_topic(topic).kind in TO_DEVICE
    except TopicError:
        return False
