"""What stands in the bodies of messages. Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import Final

from cloud.errors import FrameError

GMT_8: Final = timezone(timedelta(hours=8))  # of every time on the wire, wherever the bus is

_LOCATION: Final = struct.Struct(">IIIIHHH6s")
_POSITIONED, _SOUTH, _WEST, _ENCRYPTED = 1 << 1, 1 << 2, 1 << 3, 1 << 5
_DOORS: Final = 0b111 << 13  # front, middle and rear door stand open
_MICRODEGREES: Final = 1e6
ALWAYS_TOGETHER: Final = b"\x00"
"""What kind a 0x0704 is of a terminal that tells several positions together as a rule; else they are late."""


class MessageId(IntEnum):
    """Messages that are understood here."""

    TERMINAL_ANSWER = 0x0001
    HEARTBEAT = 0x0002
    LOG_OUT = 0x0003
    REGISTER = 0x0100
    AUTHENTICATE = 0x0102
    LOCATION = 0x0200
    LOCATIONS = 0x0704
    ATTACHMENTS = 0x1210
    FILE_BEGINS = 0x1211
    FILE_ENDS = 0x1212
    ANSWER = 0x8001
    REGISTERED = 0x8100
    SEND_ATTACHMENTS = 0x9208
    FILE_ANSWER = 0x9212


class Result(IntEnum):
    """What a general answer says."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    UNKNOWN = 3


class Registration(IntEnum):
    """What the answer to a registration says."""

    DONE = 0
    NO_SUCH_VEHICLE = 2
    TERMINAL_REGISTERED = 3
    NO_SUCH_TERMINAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An additional item of a position."""

    id: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A position report."""

    at: datetime
    alarms: int
    status: int
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float
    items: tuple[Item, ...]
    rest: bytes  # what cannot be read as items
    raw: bytes  # the part that every position has

    @property
    def is_positioned(self) -> bool:
        return bool(self.status & _POSITIONED)

    @property
    def is_encrypted(self) -> bool:
        """Whether the position is moved as maps of China have it: then it is not WGS-84."""
        return bool(self.status & _ENCRYPTED)

    @property
    def has_open_door(self) -> bool:
        return bool(self.status & _DOORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Who a terminal says it is when it registers."""

    terminal_id: str
    plate: str


def read_location(body: bytes) -> Location:
    """Read a position report.

    Raises:
        FrameError: it is none.
    """
    if len(body) < _LOCATION.size:
        raise FrameError(f"a position has {_LOCATION.size} bytes, {len(body)} came")
    alarms, status, lat, lon, _altitude, speed, heading, time = _LOCATION.unpack_from(body)
    items, rest = _items(body[_LOCATION.size :])
    location = Location(
        at=read_time(time),
        alarms=alarms,
        status=status,
        lon=lon / _MICRODEGREES * (-1 if status & _WEST else 1),
        lat=lat / _MICRODEGREES * (-1 if status & _SOUTH else 1),
        speed_mps=speed / 36,
        heading_deg=float(heading % 360),
        items=items,
        rest=rest,
        raw=body[: _LOCATION.size],
    )
    if abs(location.lon) > 180 or abs(location.lat) > 90:  # noqa: PLR2004
        raise FrameError(f"lon {location.lon}, lat {location.lat} is no place")
    return location


def read_locations(body: bytes) -> Iterator[bytes]:
    """Bodies of the position reports in a batch of late ones.

    Raises:
        FrameError: a length is wrong.
    """
    if len(body) < 3:  # noqa: PLR2004
        raise FrameError(f"{len(body)} bytes are no batch of positions")
    at = 3
    for _ in range(int.from_bytes(body[:2])):
        size = int.from_bytes(body[at : at + 2])
        report = body[at + 2 : at + 2 + size]
        if len(report) != size or not size:
            raise FrameError("a position of the batch is cut off")
        yield report
        at += 2 + size


def read_time(bcd: bytes) -> datetime:
    """Read YYMMDDhhmmss of GMT+8.

    Raises:
        FrameError: it is no time.
    """
    try:
        return datetime.strptime(bcd.hex(), "%y%m%d%H%M%S").replace(tzinfo=GMT_8).astimezone(UTC)
    except ValueError as error:
        raise FrameError(f"{bcd.hex()} is no time") from error


def write_time(at: datetime) -> bytes:
    """Write it so."""
    return bytes.fromhex(at.astimezone(GMT_8).strftime("%y%m%d%H%M%S"))


def read_registration(body: bytes, *, is_2019: bool) -> Application:
    """Read a registration of 2013 or 2019.

    Raises:
        FrameError: it is too short.
    """
    terminal_at, terminal_bytes = (4 + 11 + 30, 30) if is_2019 else (4 + 5 + 20, 7)
    plate_at = terminal_at + terminal_bytes + 1
    if len(body) < plate_at:
        raise FrameError(f"a registration has at least {plate_at} bytes, {len(body)} came")
    terminal = body[terminal_at : terminal_at + terminal_bytes]
    return Application(terminal_id=_text(terminal), plate=_text(body[plate_at:]))


def read_code(body: bytes, *, is_2019: bool) -> str:
    """Read the code with which a terminal authenticates itself."""
    if not is_2019:
        return _text(body)
    size = body[0] if body else 0
    return _text(body[1 : 1 + size])


def answer_body(*, serial: int, message_id: int, result: Result) -> bytes:
    return struct.pack(">HHB", serial, message_id, result)


def registered_body(*, serial: int, result: Registration, code: str) -> bytes:
    return struct.pack(">HB", serial, result) + code.encode("ascii")


def _items(body: bytes) -> tuple[tuple[Item, ...], bytes]:
    """Items, and what is left when a length is wrong."""
    items: list[Item] = []
    at = 0
    while at + 2 <= len(body):
        size = body[at + 1]
        value = body[at + 2 : at + 2 + size]
        if len(value) != size:
            break
        items.append(Item(id=body[at], value=value))
        at += 2 + size
    return tuple(items), body[at:]


def _text(field: bytes) -> str:
    return field.strip(b"\x00 ").decode("gbk", errors="replace")
