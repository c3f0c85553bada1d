"""Bus lines: closed loops over the streets, with stops, and how a bus moves along one."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.city import Junction, Town
from simulator.plane import Spot, ahead, distance_m, heading_deg, turn_deg

LANE_OFFSET_M = 1.75  # the bus drives so far right of the street's middle
CRUISE_MPS = 8.5
CORNER_MPS = 4.5
ACCELERATION_MPS2 = 1.1  # what standing passengers bear
BRAKING_MPS2 = 1.3
CORNER_CUT_M = 9.0
SHARP_TURN_DEG = 25.0
STOP_EVERY_M = 380.0
FIRST_STOP_M = 260.0
DWELL_S = 6.0
STEP_M = 0.5
CRAWL_MPS = 0.4  # time over a step cannot be computed at standstill
STRAIGHT_DEG = 0.5

# Loops over junctions of the grid, clockwise, with no lane in common.
LOOPS: Final[tuple[tuple[Junction, ...], ...]] = (
    ((3, 3), (3, 6), (6, 6), (6, 3), (3, 3)),
    ((6, 0), (6, 3), (9, 3), (9, 0), (6, 0)),
    ((6, 6), (6, 9), (9, 9), (9, 6), (6, 6)),
    ((0, 6), (0, 9), (3, 9), (3, 6), (0, 6)),
    ((0, 0), (0, 3), (3, 3), (3, 0), (0, 0)),
)

Samples = NDArray[np.float64]  # (n,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a bus is and how it moves."""

    spot: Spot
    heading_deg: float
    speed_mps: float
    along_m: float  # of its line, 0 .. length_m
    lap: int


@dataclass(frozen=True)
class Line:
    """One bus line: the path of the bus's lane as a closed polyline, and its stops."""

    id: str
    path: tuple[Spot, ...]  # first equals last
    calls_m: tuple[float, ...] = ()  # ways along the line of the stops of its timetable

    @cached_property
    def along_m(self) -> Samples:
        """Way along the line at each vertex."""
        return np.concatenate([[0.0], np.cumsum([distance_m(a, b) for a, b in pairwise(self.path)])])

    @cached_property
    def headings_deg(self) -> Samples:
        """Heading of each piece of the polyline."""
        return np.array([heading_deg(a, b) for a, b in pairwise(self.path)])

    @property
    def length_m(self) -> float:
        return float(self.along_m[-1])

    @cached_property
    def stops_m(self) -> tuple[float, ...]:
        """Ways along the line at which a bus waits: at the stops of its timetable, or each few hundred metres."""
        if self.calls_m:
            return self.calls_m
        count = max(1, round((self.length_m - FIRST_STOP_M) / STOP_EVERY_M))
        return tuple(float(FIRST_STOP_M + number * STOP_EVERY_M) % self.length_m for number in range(count))

    def place(self, along_m: float) -> tuple[Spot, float]:
        """Spot and heading at a way along the line."""
        way_m = along_m % self.length_m
        piece = min(int(np.searchsorted(self.along_m, way_m, side="right")) - 1, len(self.path) - 2)
        heading = float(self.headings_deg[piece])
        return ahead(self.path[piece], heading=heading, forward_m=way_m - float(self.along_m[piece])), heading

    @cached_property
    def _corners_m(self) -> list[float]:
        turns = (abs(turn_deg(a, b)) > 3 for a, b in pairwise(self.headings_deg.tolist()))  # noqa: PLR2004
        ways = [float(way_m) for way_m, is_turn in zip(self.along_m[1:], turns, strict=False) if is_turn]
        return [way_m for way_m, before in zip(ways, [-math.inf, *ways], strict=False) if way_m - before > CORNER_CUT_M]

    def side(self, along_m: float) -> int:
        """How many corners the bus has behind it."""
        return bisect_right(self._corners_m, along_m % self.length_m)

    def is_straight(self, from_m: float, to_m: float) -> bool:
        """Whether the bus keeps its heading between two ways along the line."""
        _, first = self.place(from_m)
        return all(
            abs(turn_deg(first, self.place(way_m)[1])) < STRAIGHT_DEG
            for way_m in np.arange(from_m, to_m + STEP_M, STEP_M)
        )


def make_lines(town: Town, count: int) -> list[Line]:
    """The first lines of a town.

    Raises:
        ValueError: more lines than the town has.
    """
    if not 1 <= count <= len(LOOPS):
        raise ValueError(f"{count} lines were asked for; the town has 1 to {len(LOOPS)}")
    return [_line(town, LOOPS[number], number) for number in range(count)]


def make_rings(town: Town, count: int) -> list[Line]:
    """Lines around single blocks, a lap in less than two minutes.

    Raises:
        ValueError: more lines than the town has.
    """
    return [_line(town, ring, number) for number, ring in enumerate(rings_of(town, count))]


def rings_of(town: Town, count: int) -> list[tuple[Junction, ...]]:
    """Ways around single blocks, shortest first, that have no corner in common.

    Raises:
        ValueError: more lines than the town has.
    """
    streets = {frozenset(block) for block in town.blocks()}
    around = [_around(corner) for corner in town.junctions]
    open_ones = [ring for ring in around if all(frozenset(side) in streets for side in pairwise(ring))]
    rings: list[tuple[Junction, ...]] = []
    for ring in sorted(open_ones, key=lambda ring: _length_m(town, ring)):
        if not any(set(ring) & set(taken) for taken in rings):
            rings.append(ring)
    if not 1 <= count <= len(rings):
        raise ValueError(f"{count} rings were asked for; the town has 1 to {len(rings)}")
    return rings[:count]


def _around(corner: Junction) -> tuple[Junction, ...]:
    """Clockwise around the block north-east of a junction."""
    column, row = corner
    return corner, (column, row + 1), (column + 1, row + 1), (column + 1, row), corner


def _length_m(town: Town, way: Sequence[Junction]) -> float:
    return sum(distance_m(town.junctions[a], town.junctions[b]) for a, b in pairwise(way))


def _line(town: Town, stations: Sequence[Junction], number: int) -> Line:
    middle = [town.junctions[junction] for junction in town.way(stations)]
    return Line(f"line-{number + 1}", tuple(_rounded(_to_the_right(middle))))


def _to_the_right(middle: Sequence[Spot]) -> list[Spot]:
    """Ring of the lane right of the street's middle, mitred at the corners; the first vertex is not repeated."""
    ring = list(middle[:-1])
    lane: list[Spot] = []
    for before, here, after in zip([ring[-1], *ring[:-1]], ring, [*ring[1:], ring[0]], strict=True):
        into, out = heading_deg(before, here), heading_deg(here, after)
        turn = turn_deg(into, out)
        reach_m = LANE_OFFSET_M / math.cos(math.radians(turn / 2))
        lane.append(ahead(here, heading=into + turn / 2, forward_m=0.0, right_m=reach_m))
    return lane


def _rounded(ring: Sequence[Spot]) -> list[Spot]:
    """Replace each corner by a curve; the polyline comes back closed, beginning in the middle of its first side."""
    path: list[Spot] = []
    for before, here, after in zip([ring[-1], *ring[:-1]], ring, [*ring[1:], ring[0]], strict=True):
        path += _curve(before, here, after)
    start = Spot((path[-1].east_m + path[0].east_m) / 2, (path[-1].north_m + path[0].north_m) / 2)
    return [start, *path, start]


def _curve(before: Spot, here: Spot, after: Spot) -> list[Spot]:
    into, out = heading_deg(before, here), heading_deg(here, after)
    is_sharp = abs(turn_deg(into, out)) > SHARP_TURN_DEG
    cut_m = CORNER_CUT_M if is_sharp else 3.0
    first, last = ahead(here, heading=into, forward_m=-cut_m), ahead(here, heading=out, forward_m=cut_m)
    shares = np.linspace(0, 1, 13 if is_sharp else 4)
    return [
        Spot(
            (1 - s) ** 2 * first.east_m + 2 * s * (1 - s) * here.east_m + s**2 * last.east_m,
            (1 - s) ** 2 * first.north_m + 2 * s * (1 - s) * here.north_m + s**2 * last.north_m,
        )
        for s in shares.tolist()
    ]


class Course(Protocol):
    """Where one bus is at any time."""

    @property
    def line(self) -> Line: ...

    def pose(self, at_s: float) -> Pose: ...


class Motion:
    """Way and speed of a bus over time, the same on every lap."""

    def __init__(self, line: Line, *, cruise_mps: float = CRUISE_MPS, braking_mps2: float = BRAKING_MPS2) -> None:
        """Drive one lap in thought: as fast as corners, stops and passengers allow."""
        self.line = line
        self.cruise_mps = cruise_mps
        self._way_m = np.arange(0, line.length_m, STEP_M)
        self._speed_mps = _drivable(_speed_limits(line, self._way_m, cruise_mps=cruise_mps), braking_mps2=braking_mps2)
        self._waits_s = self._waits()
        self._arrival_s = self._times()

    def _waits(self) -> Samples:
        """Seconds a bus waits before each step."""
        waits_s = np.zeros(len(self._way_m))
        for stop_m in self.line.stops_m:
            waits_s[int(stop_m / STEP_M) % len(waits_s)] = DWELL_S
        return waits_s

    def _times(self) -> Samples:
        """Time of arrival at each step and last at the lap's end."""
        speed = np.maximum(self._speed_mps, CRAWL_MPS)
        steps_s = STEP_M / ((speed + np.roll(speed, -1)) / 2)
        return np.concatenate([[0.0], np.cumsum(self._waits_s + steps_s)])

    @property
    def lap_s(self) -> float:
        return float(self._arrival_s[-1])

    def pose(self, at_s: float) -> Pose:
        """Where the bus is so long after it began its first lap (negative: the lap before)."""
        lap, within_s = divmod(at_s, self.lap_s)
        step = int(np.searchsorted(self._arrival_s, within_s, side="right")) - 1
        leaves_s, next_s = self._arrival_s[step] + self._waits_s[step], self._arrival_s[step + 1]
        share = float(np.clip((within_s - leaves_s) / (next_s - leaves_s), 0, 1))
        along_m = (step + share) * STEP_M
        spot, heading = self.line.place(along_m)
        speed = 0.0 if within_s < leaves_s else float(self._speed_mps[step])
        return Pose(spot=spot, heading_deg=heading, speed_mps=speed, along_m=along_m, lap=int(lap))

    def time_at(self, along_m: float) -> float:
        """Seconds after the lap's begin at which the bus is there."""
        return float(np.interp(along_m, self._way_m, self._arrival_s[:-1]))

    def ways_m(self, within_s: Samples) -> Samples:
        """Ways along the line at some seconds of a lap; after its end, the line's length."""
        leaves_s = self._arrival_s[:-1] + self._waits_s
        times = np.stack([self._arrival_s[:-1], leaves_s], axis=1).ravel()
        ways = np.repeat(self._way_m, 2)
        return np.interp(within_s, [*times, self.lap_s], [*ways, self.line.length_m])

    def speeds_mps(self, along_m: Samples) -> Samples:
        """Speeds at some ways along the line, standing not counted."""
        return np.maximum(np.interp(along_m, self._way_m, self._speed_mps), CRAWL_MPS)


def _speed_limits(line: Line, way_m: Samples, *, cruise_mps: float) -> Samples:
    limits = np.full(len(way_m), cruise_mps)
    for piece, (before, after) in enumerate(pairwise(line.headings_deg.tolist())):
        if abs(turn_deg(before, after)) > 3:  # noqa: PLR2004
            limits[np.abs(way_m - line.along_m[piece + 1]) < 3] = CORNER_MPS  # noqa: PLR2004
    for stop_m in line.stops_m:
        limits[int(stop_m / STEP_M) % len(limits)] = 0.0
    return limits


def _drivable(limits: Samples, *, braking_mps2: float) -> Samples:
    """Highest speeds below the limits that acceleration and braking allow, on a closed line."""
    speeds = limits.copy()
    for _ in range(2):  # twice around, so that the lap's end knows of its begin
        for step in range(len(speeds)):
            before = speeds[step - 1]
            speeds[step] = min(speeds[step], math.sqrt(before**2 + 2 * ACCELERATION_MPS2 * STEP_M))
        for step in range(len(speeds) - 1, -1, -1):
            after = speeds[(step + 1) % len(speeds)]
            speeds[step] = min(speeds[step], math.sqrt(after**2 + 2 * braking_mps2 * STEP_M))
    return speeds
