"""People with tags: who rides which bus from when to when, and what a reader hears of their tags."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from edge_agent.readings import AdvertisementReading
from edge_agent.scenarios.safe_travel.frames import EDDYSTONE
from simulator.plane import Spot, distance_m
from simulator.route import Course, Pose
from wire.tags import KEY_BYTES, ephemeral_id

EXPONENT: Final = 10
COUNTED_FROM_S: Final = 1_700_000_000  # of the clock at which the tags began to count
EVERY_S: Final = 1.0
# Free space at 2.4 GHz, 0 dBm sent; what bodies take is drawn. Assumed, not measured on a bus.
AT_1M_DBM: Final = -59.0
PER_DECADE_DB: Final = 20.0
BODY_DB: Final = (0.0, 15.0)
BUS_DB: Final = 12.0  # between inside and outside of a bus
FADING_DB: Final = 5.0
WEAK_DB: Final = 8.0  # what a battery near its end takes
WEAK_LEFT: Final = 0.1
SENSITIVITY_DBM: Final = -95.0
INSIDE_M: Final = 5.0  # from the reader of the bus that one sits in
RIDE_S: Final = (40.0, 90.0)
LONG_ENOUGH_M: Final = 350.0  # what is heard of it is shorter by a stretch at each end

_EID_FRAME: Final = b"\x30\xf0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag, and how much of its battery is left."""

    key: bytes
    battery_left: float = 1.0

    def frame(self, at: datetime) -> bytes:
        """The service data that it sends at an instant."""
        counter_s = int(at.timestamp()) - COUNTED_FROM_S
        return _EID_FRAME + bytes.fromhex(ephemeral_id(self.key, exponent=EXPONENT, counter_s=counter_s)) + bytes(2)


def tag_of(seed: int, number: int) -> Tag:
    """The tag of one of the town's people."""
    return Tag(key=np.random.default_rng((seed, 11, number)).bytes(KEY_BYTES))


def rssi_dbm(tag: Tag, *, distance_m: float, is_behind_metal: bool, rng: np.random.Generator) -> int | None:
    """How strongly one call is heard; none when it is not."""
    if tag.battery_left <= 0:
        return None
    lost_db = PER_DECADE_DB * math.log10(max(distance_m, 1.0)) + rng.uniform(*BODY_DB)
    lost_db += BUS_DB * is_behind_metal + WEAK_DB * (tag.battery_left < WEAK_LEFT)
    heard_dbm = AT_1M_DBM - lost_db + rng.normal(0.0, FADING_DB)
    return round(heard_dbm) if heard_dbm >= SENSITIVITY_DBM else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """Somebody who boards a bus, leaves it, and stands at the roadside before and after. Seconds of the simulation."""

    number: int
    tag: Tag
    bus: int
    motion: Course
    phase_s: float
    board_s: float
    leave_s: float

    def is_aboard(self, elapsed_s: float) -> bool:
        return self.board_s <= elapsed_s < self.leave_s

    def spot(self, elapsed_s: float) -> Spot:
        """Where the person is."""
        return self._bus_at(min(max(elapsed_s, self.board_s), self.leave_s)).spot

    def ridden_m(self, until_s: float) -> float:
        """How far the bus has carried the person until then."""
        end = self._bus_at(min(until_s, self.leave_s))
        begin = self._bus_at(self.board_s)
        return max((end.lap - begin.lap) * self.motion.line.length_m + end.along_m - begin.along_m, 0.0)

    def _bus_at(self, elapsed_s: float) -> Pose:
        return self.motion.pose(self.phase_s + elapsed_s)


def make_riders(motions: Sequence[tuple[Course, float]], *, seed: int) -> list[Rider]:
    """Somebody on every other bus, who rides far enough that it cannot be held for standing at a stop."""
    rng = np.random.default_rng((seed, 12))
    riders: list[Rider] = []
    for bus in range(0, len(motions), 2):
        motion, phase_s = motions[bus]
        board_s = 2.0 + float(rng.uniform(0.0, 6.0))
        begin = Rider(
            number=len(riders),
            tag=tag_of(seed, len(riders)),
            bus=bus,
            motion=motion,
            phase_s=phase_s,
            board_s=board_s,
            leave_s=board_s + RIDE_S[1],
        )
        riders.append(_left_far(begin))
    return riders


def _left_far(rider: Rider) -> Rider:
    """The same, who leaves as soon as the bus has come far."""
    seconds = np.arange(RIDE_S[0], RIDE_S[1], 1.0)
    leave_s = next(
        (rider.board_s + float(s) for s in seconds if rider.ridden_m(rider.board_s + float(s)) >= LONG_ENOUGH_M),
        rider.leave_s,
    )
    return replace(rider, leave_s=leave_s)


class TagRadio:
    """The Bluetooth receiver of one bus."""

    def __init__(self, bus: int, riders: Sequence[Rider], *, rng: np.random.Generator) -> None:
        self._bus, self._riders, self._rng = bus, riders, rng

    def heard(self, pose: Pose, *, elapsed_s: float, start_at: datetime) -> Iterator[AdvertisementReading]:
        """What comes in a second: a passenger's phone, which is no tag, and the tags around."""
        at = start_at + timedelta(seconds=elapsed_s)
        yield AdvertisementReading(at=at, rssi_dbm=-60)
        for rider in self._riders:
            is_own = rider.is_aboard(elapsed_s) and rider.bus == self._bus
            away_m = INSIDE_M if is_own else distance_m(rider.spot(elapsed_s), pose.spot)
            metal = rider.is_aboard(elapsed_s) and not is_own
            heard_dbm = rssi_dbm(rider.tag, distance_m=away_m, is_behind_metal=metal, rng=self._rng)
            if heard_dbm is not None:
                yield AdvertisementReading(
                    at=at, rssi_dbm=max(-127, heard_dbm), service_data={EDDYSTONE: rider.tag.frame(at)}
                )
