"""The bus's own motion, from the receiver's fixes. A gap stays a gap."""

import math
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edge_agent.config import NEXT_FIX_S
from edge_agent.readings import FASTEST_MPS, FixQuality, GnssReading, compass_deg

MAX_GAP_S: Final = 3.0  # between two fixes a bus at 15 m/s may have turned a corner: no straight line over more
MOVING_MPS: Final = 1.5  # below, the course of a fix is noise
STOOD_M: Final = 3.0  # so far a receiver's place may wander in a gap while the bus stands
STOOD_S: Final = 60.0  # no bus goes round a block and comes back to where it stood in so short a gap
REVERSE_MPS: Final = 5.0  # no bus goes backwards faster
REVERSE_DEG: Final = 120.0  # nor turns so far between two fixes: with its course so far off, it goes backwards
MIN_COURSE_M: Final = 3.0  # a course drawn from two positions needs them to be further apart than their noise
SPEED_ERROR_MPS: Final = 0.3  # Doppler speed of a plain receiver
STEP_ERROR_MPS: Final = 0.5  # speed may change between two states
STEP_ERROR_M: Final = 0.05
ACCELERATION_MPS2: Final = 1.0  # a bus in service brakes and starts with about this
STEP_S: Final = 60.0  # so far back goes no fix that is late: the receiver's clock was wrong before
_KEPT_FIXES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EgoState:
    """Where the bus is, where it looks and how fast it goes."""

    at: datetime
    lon: float  # WGS-84
    lat: float
    speed_mps: float
    heading_deg: float  # clockwise from true north
    accuracy_m: float  # radius that holds 68 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How the bus moved from one frame to another, seen from the first."""

    passed_s: float
    forward_m: float
    right_m: float
    turn_deg: float  # to the right
    sigma_m: float  # one sigma of the way

    @property
    def way_m(self) -> float:
        return math.hypot(self.forward_m, self.right_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """From one place to another, in metres."""

    north_m: float
    east_m: float

    @property
    def length_m(self) -> float:
        return math.hypot(self.north_m, self.east_m)

    @property
    def course_deg(self) -> float:
        """Direction, clockwise from true north, in [0, 360)."""
        return compass_deg(math.degrees(math.atan2(self.east_m, self.north_m)))


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Length of one degree of latitude and of longitude.

    Source: series of the WGS-84 ellipsoid's meridian and parallel, good to a centimetre.
    """
    angle = math.radians(lat)
    north = 111_132.954 - 559.822 * math.cos(2 * angle) + 1.175 * math.cos(4 * angle)
    east = 111_412.84 * math.cos(angle) - 93.5 * math.cos(3 * angle) + 0.118 * math.cos(5 * angle)
    return north, east


def offset_between(*, lon: float, lat: float, to_lon: float, to_lat: float) -> Offset:
    """Metres from one position to another nearby."""
    north, east = metres_per_degree((lat + to_lat) / 2)
    turn = (to_lon - lon + 180.0) % 360.0 - 180.0
    return Offset(north_m=(to_lat - lat) * north, east_m=turn * east)


def moved(*, lon: float, lat: float, heading_deg: float, forward_m: float, right_m: float) -> tuple[float, float]:
    """Position (lon, lat) that lies forward and to the right of a place, looking along the heading."""
    angle = math.radians(heading_deg)
    north_m = forward_m * math.cos(angle) - right_m * math.sin(angle)
    east_m = forward_m * math.sin(angle) + right_m * math.cos(angle)
    north, east = metres_per_degree(lat)
    return (lon + east_m / east + 180.0) % 360.0 - 180.0, lat + north_m / north


def turn_between(from_deg: float, to_deg: float) -> float:
    """Shortest turn from one heading to another, in (-180, 180], positive to the right."""
    return 180.0 - (from_deg - to_deg + 180.0) % 360.0


def step_between(before: EgoState, after: EgoState) -> Step:
    """Motion by speed and heading, which a receiver knows better than its place; along the mean of both headings."""
    passed_s = (after.at - before.at).total_seconds()
    way_m = (before.speed_mps + after.speed_mps) / 2 * passed_s
    turn_deg = turn_between(before.heading_deg, after.heading_deg)
    angle = math.radians(turn_deg / 2)
    return Step(
        passed_s=passed_s,
        forward_m=way_m * math.cos(angle),
        right_m=way_m * math.sin(angle),
        turn_deg=turn_deg,
        sigma_m=math.hypot(STEP_ERROR_MPS * passed_s, STEP_ERROR_M),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Knot:
    """A fix with what follows from it and the one before."""

    fix: GnssReading
    speed_mps: float
    heading_deg: float | None
    is_reversing: bool = False


class EgoTrack:
    """Fixes in, states at any recent time out."""

    def __init__(self) -> None:
        self._knots: deque[_Knot] = deque(maxlen=_KEPT_FIXES)

    @property
    def latest_at(self) -> datetime | None:
        """Time of the newest fix."""
        return self._knots[-1].fix.at if self._knots else None

    def add(self, fix: GnssReading) -> None:
        """Take a fix; one that is no fix, or not newer than the last, changes nothing."""
        latest = self.latest_at
        if latest is not None and (latest - fix.at).total_seconds() > STEP_S:
            self._knots.clear()
            latest = None
        if fix.fix is FixQuality.NONE or (latest is not None and fix.at <= latest):
            return
        self._knots.append(_knot(fix, self._knots[-1] if self._knots else None))

    def state_at(self, at: datetime) -> EgoState | None:
        """State at a time; None in a gap, too far ahead of the last fix, in reverse, or with an unknown heading."""
        before = next((knot for knot in reversed(self._knots) if knot.fix.at <= at), None)
        if before is None:
            return None
        after = next((knot for knot in self._knots if knot.fix.at > at), None)
        return _ahead(before, at) if after is None else _between(before, after, at)


def _knot(fix: GnssReading, before: _Knot | None) -> _Knot:
    step = None if before is None else _step(before.fix, fix)
    speed_mps = _speed(fix, before, step)
    course_deg, held_deg = _course(fix, step, speed_mps), _held(fix, before, step)
    if course_deg is None:
        return _Knot(fix=fix, speed_mps=speed_mps, heading_deg=held_deg)
    if held_deg is not None and speed_mps < REVERSE_MPS and abs(turn_between(held_deg, course_deg)) > REVERSE_DEG:
        return _Knot(fix=fix, speed_mps=speed_mps, heading_deg=compass_deg(course_deg + 180.0), is_reversing=True)
    return _Knot(fix=fix, speed_mps=speed_mps, heading_deg=course_deg)


def _step(before: GnssReading, fix: GnssReading) -> Offset | None:
    """Way between two fixes, or None over a gap, also where a receiver has jumped."""
    passed_s = (fix.at - before.at).total_seconds()
    if passed_s > MAX_GAP_S:
        return None
    way = offset_between(lon=before.lon, lat=before.lat, to_lon=fix.lon, to_lat=fix.lat)
    return way if way.length_m <= FASTEST_MPS * passed_s else None


def _speed(fix: GnssReading, before: _Knot | None, step: Offset | None) -> float:
    if fix.speed_mps is not None:
        return fix.speed_mps
    if before is None or step is None:
        return 0.0
    return step.length_m / (fix.at - before.fix.at).total_seconds()


def _course(fix: GnssReading, step: Offset | None, speed_mps: float) -> float | None:
    """Where a bus that moves goes to."""
    if speed_mps < MOVING_MPS:
        return None
    if fix.heading_deg is not None:
        return compass_deg(fix.heading_deg)
    return step.course_deg if step is not None and step.length_m >= MIN_COURSE_M else None


def _held(fix: GnssReading, before: _Knot | None, step: Offset | None) -> float | None:
    """Where the bus looked before; unknown after a gap that was not stood through."""
    if before is None or (step is None and not _has_stood(before.fix, fix)):
        return None
    return before.heading_deg


def _has_stood(before: GnssReading, fix: GnssReading) -> bool:
    passed_s = (fix.at - before.at).total_seconds()
    way = offset_between(lon=before.lon, lat=before.lat, to_lon=fix.lon, to_lat=fix.lat)
    return passed_s <= STOOD_S and way.length_m < STOOD_M


def _ahead(knot: _Knot, at: datetime) -> EgoState | None:
    passed_s = (at - knot.fix.at).total_seconds()
    if passed_s > NEXT_FIX_S or knot.heading_deg is None or knot.is_reversing:
        return None
    lon, lat = moved(
        lon=knot.fix.lon,
        lat=knot.fix.lat,
        heading_deg=knot.heading_deg,
        forward_m=knot.speed_mps * passed_s,
        right_m=0.0,
    )
    drift_m = SPEED_ERROR_MPS * passed_s + ACCELERATION_MPS2 * passed_s**2 / 2
    return EgoState(
        at=at,
        lon=lon,
        lat=lat,
        speed_mps=knot.speed_mps,
        heading_deg=knot.heading_deg,
        accuracy_m=math.hypot(knot.fix.accuracy_m, drift_m),
    )


def _between(before: _Knot, after: _Knot, at: datetime) -> EgoState | None:
    if _step(before.fix, after.fix) is None:
        return _ahead(before, at)
    first = before if before.heading_deg is not None else replace(before, heading_deg=after.heading_deg)
    if first.heading_deg is None or after.heading_deg is None or before.is_reversing or after.is_reversing:
        return None
    share = (at - before.fix.at) / (after.fix.at - before.fix.at)
    turn = turn_between(first.heading_deg, after.heading_deg)
    lon_step = (after.fix.lon - before.fix.lon + 180.0) % 360.0 - 180.0
    return EgoState(
        at=at,
        lon=(before.fix.lon + share * lon_step + 180.0) % 360.0 - 180.0,
        lat=before.fix.lat + share * (after.fix.lat - before.fix.lat),
        speed_mps=before.speed_mps + share * (after.speed_mps - before.speed_mps),
        heading_deg=compass_deg(first.heading_deg + share * turn),
        accuracy_m=max(before.fix.accuracy_m, after.fix.accuracy_m),
    )
