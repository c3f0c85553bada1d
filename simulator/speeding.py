"""Where a bus is driven faster than a street of the town allows, in truth."""

import math
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Final

import numpy as np

from simulator.city import Street, Town
from simulator.plane import Spot, distance_m
from simulator.route import Course, Line
from simulator.wheel import Moment
from wire.messages import DrivingKind

EVERY_S: Final = 0.5
SLIGHTLY_MPS: Final = 0.5  # over a limit: it may be noticed ...
CLEARLY_MPS: Final = 2.0  # ... and from here on it must be, ...
LONG_ENOUGH_S: Final = 7.0  # ... for so long


class Limits:
    """What is allowed along a line."""

    def __init__(self, town: Town, line: Line) -> None:
        blocks = [
            (street, town.junctions[first], town.junctions[last])
            for street in town.streets
            for first, last in pairwise(street.junctions)
        ]
        ways = np.arange(0.0, line.length_m, 5.0)
        self._line = line
        self._limits_mps = np.array([_limit_at(line.place(float(way))[0], blocks) for way in ways])

    def at(self, along_m: float) -> float:
        """The limit at a way along the line, in m/s."""
        return float(self._limits_mps[int(along_m % self._line.length_m // 5.0)])


def _limit_at(spot: Spot, blocks: list[tuple[Street, Spot, Spot]]) -> float:
    if not blocks:  # roads of an extract, whose limits are not known here
        return math.inf
    street, *_ = min(blocks, key=lambda block: _apart_m(spot, block[1], block[2]))
    return street.limit_mps


def _apart_m(spot: Spot, first: Spot, last: Spot) -> float:
    length_m = distance_m(first, last)
    east, north = (last.east_m - first.east_m) / length_m, (last.north_m - first.north_m) / length_m
    along_m = (spot.east_m - first.east_m) * east + (spot.north_m - first.north_m) * north
    along_m = min(max(along_m, 0.0), length_m)
    return distance_m(spot, Spot(first.east_m + along_m * east, first.north_m + along_m * north))


def too_fast(motion: Course, limits: Limits, *, phase_s: float, until_s: float) -> Iterator[Moment]:
    """Stretches over a limit, in order of time."""
    times = np.arange(0.0, until_s, EVERY_S).tolist()
    over = [
        (at_s, pose.speed_mps - limits.at(pose.along_m)) for at_s in times for pose in (motion.pose(phase_s + at_s),)
    ]
    for is_over, run in groupby(over, key=lambda each: each[1] > SLIGHTLY_MPS):
        if is_over:
            stretch = list(run)
            clear_s = EVERY_S * sum(beyond > CLEARLY_MPS for _, beyond in stretch)
            yield Moment(
                kind=DrivingKind.SPEEDING,
                from_s=stretch[0][0],
                to_s=stretch[-1][0],
                is_clear=clear_s >= LONG_ENOUGH_S,
            )
