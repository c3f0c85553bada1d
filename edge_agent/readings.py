"""What sensors yield."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) BGR
WORST_M: Final = 100_000.0  # of an accuracy: limit of the contract
FASTEST_MPS: Final = 150.0  # limit of the contract, too: no bus is so fast


def compass_deg(angle_deg: float) -> float:
    """The same direction in [0, 360): of what lies just below 0 one modulo makes 360."""
    return angle_deg % 360.0 % 360.0


class FixQuality(StrEnum):
    """How far a position can be trusted (NMEA GGA quality, in words)."""

    NONE = "none"
    GNSS = "gnss"
    DGNSS = "dgnss"
    RTK = "rtk"
    DEAD_RECKONING = "dead_reckoning"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameReading:
    """One camera frame."""

    at: datetime  # aware UTC, when the shutter was open
    camera_id: str
    image: Image
    dropped: int = 0  # frames before it for which there was no time
    following: Image | None = None  # of the next frame, if it has come already


@dataclass(frozen=True, slots=True, kw_only=True)
class GnssReading:
    """One fix of the receiver."""

    at: datetime  # aware UTC
    lon: float  # WGS-84
    lat: float
    speed_mps: float | None
    heading_deg: float | None  # clockwise from true north
    accuracy_m: float  # radius that holds 68 %
    fix: FixQuality = FixQuality.GNSS


Axes = tuple[float, float, float]  # x, y, z of the sensor itself, however it is mounted


@dataclass(frozen=True, slots=True, kw_only=True)
class ImuReading:
    """What an inertial sensor feels, in its own axes; where they point in the bus is found out by who uses it."""

    at: datetime  # aware UTC, the middle of what was averaged
    acceleration_mps2: Axes  # with gravity: a sensor at rest feels 9.8 upwards
    turn_dps: Axes | None  # right-handed about each axis; None without a gyroscope


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertisementReading:
    """A BLE advertisement that a reader heard. The address of who sent it is not kept."""

    at: datetime  # aware UTC
    rssi_dbm: int
    service_data: Mapping[int, bytes] = field(default_factory=dict[int, bytes])  # by 16-bit UUID; Eddystone is 0xFEAA
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict[int, bytes])  # by company; iBeacon is 0x004C


@dataclass(frozen=True, slots=True, kw_only=True)
class EyesReading:
    """What a driver's eyes and hands do, without a picture of them; None for what was not seen."""

    at: datetime  # aware UTC
    openness: float | None  # from 0 to 1, which is as open as usual
    away_deg: float | None  # of the head, from straight ahead
    phone: float | None = None  # belief that one is held, from 0 to 1; None: nothing looks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorReading:
    """Whether a door stands open."""

    at: datetime  # aware UTC
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredReading:
    """One value of a stop's sensor, in the unit that its quantity names."""

    at: datetime  # aware UTC
    sensor: str
    quantity: str  # one of `wire.messages.Quantity`
    value: float


Reading = FrameReading | GnssReading | ImuReading | AdvertisementReading | EyesReading | DoorReading | MeasuredReading


class Source(Protocol):
    """One sensor, or a recording of several."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on without us: its oldest frames are dropped when the agent is slow; a recording waits."""
        ...

    def readings(self) -> Iterator[Reading]:
        """Block until the next reading; end with the recording."""
        ...
