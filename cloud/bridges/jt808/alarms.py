"""Active-safety alarms of T/JSATL 12-2017: item 0x64 (ahead of the bus) and 0x65 (the driver). Pure."""

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloud.bridges.jt808.body import Item, read_time
from wire.messages import DrivingKind

AHEAD: Final = 0x64
DRIVER: Final = 0x65
ENDS: Final = 2
_AHEAD: Final = struct.Struct(">IBBBBBBBBBHII6sH16s")
_DRIVER: Final = struct.Struct(">IBBBB4sBHII6sH16s")
_IDENTITY_FILES: Final = 14  # number of attachments in the alarm's identity

_KINDS_AHEAD: Final = {
    0x01: DrivingKind.FORWARD_COLLISION,
    0x02: DrivingKind.LANE_DEPARTURE,
    0x03: DrivingKind.TOO_CLOSE,
    0x04: DrivingKind.PEDESTRIAN_COLLISION,
    0x05: DrivingKind.LANE_CHANGES,
    0x06: DrivingKind.SPEEDING,  # over the limit on a sign
    0x07: DrivingKind.OBSTACLE,
}
_KINDS_DRIVER: Final = {
    0x01: DrivingKind.DROWSY,
    0x02: DrivingKind.PHONE,
    0x03: DrivingKind.SMOKING,
    0x04: DrivingKind.DISTRACTED,
    0x05: DrivingKind.DRIVER_ABNORMAL,
}
"""Others, as a change of drivers or a photo taken on order, are no alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: begun, ended, or of a moment."""

    number: int  # the terminal's, the same at its begin and end
    kind: DrivingKind | None
    is_end: bool
    level: int | None
    at: datetime
    lon: float  # as the terminal has it: the position's own flags say how it is meant
    lat: float
    speed_mps: float
    limit_mps: float | None
    identity: bytes

    @property
    def files(self) -> int:
        """How many attachments the terminal has of it."""
        return self.identity[_IDENTITY_FILES]


def read_alarm(item: Item) -> Alarm | None:
    """Read an item 0x64 or 0x65; none for one of another shape, which vendors have under the same number.

    Raises:
        FrameError: its time is none.
    """
    if item.id == AHEAD and len(item.value) == _AHEAD.size:
        return _ahead(item.value)
    if item.id == DRIVER and len(item.value) == _DRIVER.size:
        return _driver(item.value)
    return None


def _ahead(value: bytes) -> Alarm:
    number, flag, kind, level, *_, sign, sign_value, speed, _altitude, lat, lon, time, _state, identity = _AHEAD.unpack(
        value
    )
    is_limit = sign == 0x01
    return Alarm(
        number=number,
        kind=_KINDS_AHEAD.get(kind),
        is_end=flag == ENDS,
        level=level if level in {1, 2} else None,
        at=read_time(time),
        lon=lon / 1e6,
        lat=lat / 1e6,
        speed_mps=speed / 3.6,
        limit_mps=sign_value / 3.6 if is_limit and sign_value else None,
        identity=identity,
    )


def _driver(value: bytes) -> Alarm:
    number, flag, kind, level, _fatigue, _, speed, _altitude, lat, lon, time, _state, identity = _DRIVER.unpack(value)
    return Alarm(
        number=number,
        kind=_KINDS_DRIVER.get(kind),
        is_end=flag == ENDS,
        level=level if level in {1, 2} else None,
        at=read_time(time),
        lon=lon / 1e6,
        lat=lat / 1e6,
        speed_mps=speed / 3.6,
        limit_mps=None,
        identity=identity,
    )
