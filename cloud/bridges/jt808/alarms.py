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
_ALARM: Final = struct.Struct(">IBBB5sBHII6sH16s")  # of both items; only the five bytes in the middle differ
_SPEED_SIGN: Final = 0x01
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
_KINDS: Final = {AHEAD: _KINDS_AHEAD, DRIVER: _KINDS_DRIVER}


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
    kinds = _KINDS.get(item.id)
    if kinds is None or len(item.value) != _ALARM.size:
        return None
    number, flag, kind, level, middle, speed, _altitude, lat, lon, time, _state, identity = _ALARM.unpack(item.value)
    return Alarm(
        number=number,
        kind=kinds.get(kind),
        is_end=flag == ENDS,
        level=level if level in {1, 2} else None,
        at=read_time(time),
        lon=lon / 1e6,
        lat=lat / 1e6,
        speed_mps=speed / 3.6,
        limit_mps=_limit_on_sign(middle) if item.id == AHEAD else None,
        identity=identity,
    )


def _limit_on_sign(middle: bytes) -> float | None:
    """The speed limit that the camera ahead read: kind and value of the sign stand last."""
    *_, sign, kmh = middle
    return kmh / 3.6 if sign == _SPEED_SIGN and kmh else None
