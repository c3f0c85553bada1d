"""Bus lines of a county: there and back over the network, each direction in its own lane, with stops and departures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from simulator.county.network import Network
from simulator.errors import NetworkError
from simulator.plane import Plane, Spot, ahead, distance_m, heading_deg, turn_deg
from simulator.route import LANE_OFFSET_M, Line

APART_M: Final = (2500.0, 7000.0)  # of a line's two ends, as the crow flies
TRIES: Final = 200
STOP_EVERY_M: Final = 450.0
MITRE_AT_MOST: Final = 2.0  # of the lane's offset; beyond, the corner is too sharp for a bus
SHORTEST_PIECE_M: Final = 1.0
WITH_BREAKS_MPS: Final = 3.7  # of a bus from one departure to its next, in the rush hour
FIRST_S, LAST_S = 5.5 * 3600, 22.0 * 3600  # departures, seconds after local midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where passengers get on."""

    id: str
    name: str
    along_m: float  # of the line


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyLine:
    """A line with its stops and when its buses leave its first one."""

    line: Line
    name: str
    stops: tuple[Stop, ...]
    departures_s: tuple[float, ...]  # after local midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """All lines of a county."""

    plane: Plane
    lines: tuple[CountyLine, ...]

    @property
    def length_m(self) -> float:
        return sum(each.line.length_m for each in self.lines)


def make_county_lines(network: Network, count: int, *, buses: int, seed: int) -> Lines:
    """Lay out lines between ends that lie a few kilometres apart, with as many departures as the buses can drive.

    Raises:
        NetworkError: the network is too small.
    """
    rng = np.random.default_rng((seed, 11))
    lines = [_line(network, number, rng, buses=max(1, buses // count)) for number in range(count)]
    return Lines(plane=network.plane, lines=tuple(lines))


def _line(network: Network, number: int, rng: np.random.Generator, *, buses: int) -> CountyLine:
    start, end = _ends(network, rng)
    there, back = network.way([start, end]), network.way([end, start])
    line = line_there_and_back(f"line-{number + 1}", there, back)
    count = max(2, round(line.length_m / STOP_EVERY_M))
    ways_m = [line.length_m * place / count for place in range(count)]
    stops = tuple(
        Stop(id=f"{line.id}-stop-{place + 1}", name=f"{number + 1} 路 {place + 1} 站", along_m=round(way_m, 1))
        for place, way_m in enumerate(ways_m)
    )
    headway_s = math.ceil(line.length_m / WITH_BREAKS_MPS / buses)
    departures_s = tuple(float(at_s) for at_s in np.arange(FIRST_S, LAST_S, headway_s))
    return CountyLine(line=halting(line, stops), name=f"{number + 1} 路", stops=stops, departures_s=departures_s)


def _ends(network: Network, rng: np.random.Generator) -> tuple[int, int]:
    """Two nodes; where the network is too small, as far apart as chance finds them."""
    nearest, farthest = APART_M
    best: tuple[float, int, int] = (0.0, 0, 0)
    for _ in range(TRIES):
        start, end = (int(each) for each in rng.integers(len(network.spots), size=2))
        metres = float(np.hypot(*(network.spots[start] - network.spots[end])))
        if nearest <= metres <= farthest:
            return start, end
        best = max(best, (metres, start, end)) if metres < nearest else best
    if best[0] <= 0:
        raise NetworkError("no two places of the network are far enough apart for a line")
    return best[1], best[2]


def line_there_and_back(line_id: str, there: Sequence[Spot], back: Sequence[Spot]) -> Line:
    """Closed path of the bus in its own lane, out and home again."""
    path = [*_lane(there), *_lane(back)]
    return Line(line_id, path_of([*path, path[0]]))


def halting(line: Line, stops: Sequence[Stop]) -> Line:
    """The line on which buses wait where passengers get on."""
    return replace(line, calls_m=tuple(stop.along_m for stop in stops))


def path_of(spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """A path without pieces that are too short to have a direction."""
    return tuple(_without_short_pieces(spots))


def _lane(middle: Sequence[Spot]) -> list[Spot]:
    """Right of the road's middle, mitred at the corners."""
    spots = _without_short_pieces(middle)
    headings = [heading_deg(a, b) for a, b in pairwise(spots)]
    lane: list[Spot] = []
    for spot, into, out in zip(spots, [headings[0], *headings], [*headings, headings[-1]], strict=True):
        half = turn_deg(into, out) / 2
        reach_m = LANE_OFFSET_M * min(1 / max(math.cos(math.radians(half)), 0.01), MITRE_AT_MOST)
        lane.append(ahead(spot, heading=into + half, forward_m=0.0, right_m=reach_m))
    return lane


def _without_short_pieces(path: Sequence[Spot]) -> list[Spot]:
    """Without points that lie on their neighbour, first and last kept."""
    kept = [path[0]]
    for spot in path[1:-1]:
        if distance_m(kept[-1], spot) >= SHORTEST_PIECE_M:
            kept.append(spot)
    if len(kept) > 1 and distance_m(kept[-1], path[-1]) < SHORTEST_PIECE_M:
        kept.pop()
    return [*kept, path[-1]]
