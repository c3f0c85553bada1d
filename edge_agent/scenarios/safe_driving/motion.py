"""How the bus is accelerated, as its receiver's fixes tell it. Nothing is derived across a gap."""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge_agent.ego import turn_between
from edge_agent.readings import FixQuality, GnssReading
from wire.messages import DrivingSensor

BASE_S: Final = 0.9  # over less, the noise of the speed is more than what is looked for
MAX_GAP_S: Final = 1.6  # a receiver of 1 Hz, with its jitter
MOVING_MPS: Final = 1.5  # below, the course of a fix is noise
MOST_MPS2: Final = 20.0  # twice what tyres hold: the receiver has jumped


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How the bus moves at a time."""

    at: datetime
    over_s: float  # the time before `at` that it stands for
    lon: float
    lat: float
    speed_mps: float
    forward_mps2: float
    right_mps2: float
    sensor: DrivingSensor


class FixMotion:
    """Differences of speed and course over about a second."""

    def __init__(self) -> None:
        self._fixes: deque[GnssReading] = deque()

    def add(self, fix: GnssReading) -> Sample | None:
        """Take a fix; a sample where there is one about a second before it, without a gap in between."""
        if fix.fix is FixQuality.NONE or fix.speed_mps is None:
            return None
        if self._fixes and not 0 < (fix.at - self._fixes[-1].at).total_seconds() <= MAX_GAP_S:
            self._fixes.clear()
        self._fixes.append(fix)
        while len(self._fixes) > 2 and (fix.at - self._fixes[1].at).total_seconds() >= BASE_S:  # noqa: PLR2004
            self._fixes.popleft()
        base = self._fixes[0]
        passed_s = (fix.at - base.at).total_seconds()
        if passed_s < BASE_S or base.speed_mps is None:
            return None
        mean_mps = (base.speed_mps + fix.speed_mps) / 2
        forward_mps2 = (fix.speed_mps - base.speed_mps) / passed_s
        right_mps2 = mean_mps * math.radians(_turn_deg(base, fix)) / passed_s
        if math.hypot(forward_mps2, right_mps2) > MOST_MPS2:
            return None
        return Sample(
            at=fix.at,
            over_s=passed_s,
            lon=fix.lon,
            lat=fix.lat,
            speed_mps=fix.speed_mps,
            forward_mps2=forward_mps2,
            right_mps2=right_mps2,
            sensor=DrivingSensor.GNSS,
        )


def _turn_deg(base: GnssReading, fix: GnssReading) -> float:
    """Turn to the right; none at a walking pace, where the course is noise."""
    slowest = min(base.speed_mps or 0.0, fix.speed_mps or 0.0)
    if slowest < MOVING_MPS or base.heading_deg is None or fix.heading_deg is None:
        return 0.0
    return turn_between(base.heading_deg, fix.heading_deg)
