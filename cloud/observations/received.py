"""A message that was read, with what the cloud adds to it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from wire.envelope import Envelope

# A bus sets its clock by GNSS or NTP and counts seconds; five minutes is a clock that was never set.
_CLOCK_TOLERANCE: Final = timedelta(minutes=5)
_FIRST_BUS_AT: Final = datetime(2020, 1, 1, tzinfo=UTC)


class ClockMark(StrEnum):
    """Why a device's time is not to be believed."""

    FUTURE = "future"
    ANCIENT = "ancient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A readable message of an enrolled device."""

    city: str
    device: str
    envelope: Envelope
    received_at: datetime
    id_at: datetime  # time inside the message's id, the partition key
    clock_mark: ClockMark | None
    stop: str | None  # that carried it


def mark_clock(*, at: datetime, received_at: datetime, enrolled_at: datetime) -> ClockMark | None:
    """Tell whether a device's time can be true: not after it arrived, not before the device existed."""
    if is_future(at, received_at=received_at):
        return ClockMark.FUTURE
    if at < max(enrolled_at - _CLOCK_TOLERANCE, _FIRST_BUS_AT):
        return ClockMark.ANCIENT
    return None


def is_future(at: datetime, *, received_at: datetime) -> bool:
    """Tell whether a time lies after its own arrival."""
    return at > received_at + _CLOCK_TOLERANCE
