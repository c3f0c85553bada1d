"""CloudEvents 1.0, JSON structured mode, with two extensions: `stream` and `sequence`.

`sequence` counts the messages of one outbox without gaps from 1; `stream` is that outbox's own id. A device that
gets a new disk begins a new stream, so that an old receipt can never delete a new message.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from wire.messages import KIND_OF_MESSAGE, Kind, Message
from wire.units import MAX_SEQUENCE

SPECVERSION: Final = "1.0"
MAX_MESSAGE_BYTES: Final = 65_536
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message with who, when and which number."""

    id: str  # UUIDv7
    source: str  # "/<city>/<device>"
    time: datetime  # the device's UTC
    data: Message
    stream: str | None = None  # UUIDv7 of the outbox
    sequence: int | None = None
    specversion: Literal["1.0"] = SPECVERSION

    def __post_init__(self) -> None:
        if (self.stream is None) is not (self.sequence is None):
            raise ValueError("stream and sequence go together")
        if self.sequence is not None and not 1 <= self.sequence <= MAX_SEQUENCE:
            raise ValueError(f"sequence {self.sequence} is not between 1 and {MAX_SEQUENCE}")

    @property
    def kind(self) -> Kind:
        """Kind of the message inside."""
        return KIND_OF_MESSAGE[type(self.data)]

    @property
    def type(self) -> str:
        """CloudEvents type, such as `busense.detection.v1`."""
        return type_of_kind(self.kind)


def type_of_kind(kind: Kind) -> str:
    """CloudEvents type of a kind."""
    return f"busense.{kind.value}.v1"


def make_id(at: datetime, *, bits: int | None = None) -> str:
    """Make a UUIDv7 whose time is `at` (RFC 9562, section 5.7; milliseconds, then 74 random bits).

    `bits` are those where a seed decides them; nothing else may give them.
    """
    milliseconds = max(0, (at - _EPOCH) // timedelta(milliseconds=1)) & (2**48 - 1)
    return _uuid7(milliseconds, secrets.randbits(74) if bits is None else bits)


def make_id_of(at: datetime, *, seed: bytes) -> str:
    """Make the UUIDv7 of what is told again by somebody who keeps no ids: the same time and seed give the same id."""
    return make_id(at, bits=int.from_bytes(sha256(seed).digest()[:10]) & (2**74 - 1))


def make_id_after(before: str | None, *, at: datetime) -> str:
    """Make a UUIDv7 of `at` that is greater than the one before, whatever the clock did meanwhile.

    Source: RFC 9562, section 6.2, method 2: the random bits are raised by a random step.
    """
    fresh = make_id(at)
    if before is None or fresh > before:
        return fresh
    value = UUID(before).int
    milliseconds, random = value >> 80, (value >> 64 & 0xFFF) << 62 | value & 2**62 - 1
    random += 1 + secrets.randbits(32)
    return _uuid7(milliseconds + (random >> 74), random & 2**74 - 1)


def _uuid7(milliseconds: int, random: int) -> str:
    value = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (2**62 - 1)
    return str(UUID(int=value))


def time_of_id(event_id: str) -> datetime:
    """Time inside a UUIDv7, to the millisecond."""
    milliseconds = int(event_id[:8] + event_id[9:13], 16)
    return _EPOCH + timedelta(milliseconds=milliseconds)
