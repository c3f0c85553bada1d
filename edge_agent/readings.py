"""What sensors yield."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) BGR


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


Reading = FrameReading | GnssReading


class Source(Protocol):
    """One sensor, or a recording of several."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on without us: its oldest frames are dropped when the agent is slow; a recording waits."""
        ...

    def readings(self) -> Iterator[Reading]:
        """Block until the next reading; end with the recording."""
        ...
