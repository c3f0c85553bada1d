"""Matching a track with the road network: which segments a bus drove, and in which direction.

A hidden Markov model over the places on the roads near each position, solved by Viterbi's algorithm.
Source: Newson and Krumm, Hidden Markov Map Matching Through Noise and Sparseness, ACM SIGSPATIAL 2009; heading as
a second emission is ours, since it tells opposite carriageways apart.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

import numpy as np

from cloud.roads.network import Foot, Lane, Network, Way
from cloud.roads.plane import Points

SIGMA_FLOOR_M: Final = 5.0  # receivers are too sure of themselves between houses
HEADING_SIGMA_DEG: Final = 25.0
DETOUR_M: Final = 12.0  # scale of |way driven - way as the crow flies| between two positions
RADIUS_SIGMAS: Final = 4.0
RADIUS_M: Final = (25.0, 80.0)
STEP_M: Final = 4.0  # positions closer together say nothing new, as those of a standing bus
GAP_S: Final = 90.0
MOST_FEET: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One point of a track."""

    at: datetime
    lon: float
    lat: float
    accuracy_m: float
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Where on the network a position is."""

    segment_id: str
    way: Way
    along_m: float  # from where the segment's line begins, whatever the way
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A part of a segment that a bus drove without interruption."""

    segment_id: str
    way: Way
    from_m: float  # along the segment's line, from_m <= to_m
    to_m: float
    from_at: datetime
    to_at: datetime


@dataclass(slots=True)
class _Step:
    """The feet of one position with their scores, and from which foot before they are best reached."""

    number: int
    feet: list[Foot]
    scores: list[float]
    before: list[int | None]


def match_track(positions: Sequence[Position], network: Network) -> list[Matched | None]:
    """Match each position; none where no road is near. Positions are in order of time.

    A position that says nothing new (see STEP_M) is where the one before it is.
    """
    chosen: list[Matched | None] = [None] * len(positions)
    for chain in _chains(positions, network):
        for step, foot in zip(chain, _best(chain), strict=True):
            chosen[step.number] = _matched(foot, network)
    for number in sorted(set(range(len(positions))).difference(_thinned(_metres(positions, network)))):
        chosen[number] = chosen[number - 1]
    return chosen


def stays(positions: Sequence[Position], network: Network) -> list[Stay]:
    """Stretches of segments that were driven, with the segments in between two positions."""
    return [
        _stay(visit, network) for chain in _chains(positions, network) for visit in _visits(chain, positions, network)
    ]


def _chains(positions: Sequence[Position], network: Network) -> Iterator[list[_Step]]:
    """Runs of positions that one drive explains."""
    if not positions or not network.segments:
        return
    metres = _metres(positions, network)
    kept = _thinned(metres)
    radii_m = np.array([_radius_m(positions[number]) for number in kept])
    chain: list[_Step] = []
    for number, feet in zip(kept, network.feet(metres[kept], radii_m), strict=True):
        step = _emit(number, positions[number], feet)
        if not step.feet:
            continue
        if not chain or not _connect(chain[-1], step, positions, metres, network):
            if chain:
                yield chain
            chain = []
        chain.append(step)
    if chain:
        yield chain


def _metres(positions: Sequence[Position], network: Network) -> Points:
    return network.to_metres(np.array([(position.lon, position.lat) for position in positions]).reshape(-1, 2))


def _thinned(metres: Points) -> list[int]:
    """Numbers of the positions that lie far enough from the one before."""
    kept = [0] if len(metres) else []
    for number in range(1, len(metres)):
        if math.dist(metres[number], metres[kept[-1]]) >= STEP_M:
            kept.append(number)
    return kept


def _radius_m(position: Position) -> float:
    return min(RADIUS_M[1], max(RADIUS_M[0], RADIUS_SIGMAS * position.accuracy_m))


def _emit(number: int, position: Position, feet: list[Foot]) -> _Step:
    """Score the nearest feet by distance and heading."""
    sigma_m = max(SIGMA_FLOOR_M, position.accuracy_m)
    scored = sorted(((_emission(position, foot, sigma_m), foot) for foot in feet), key=lambda pair: -pair[0])
    best = scored[:MOST_FEET]
    return _Step(number, [foot for _, foot in best], [score for score, _ in best], [None] * len(best))


def _emission(position: Position, foot: Foot, sigma_m: float) -> float:
    score = -0.5 * (foot.distance_m / sigma_m) ** 2
    if position.heading_deg is None:
        return score
    off_deg = abs((foot.heading_deg - position.heading_deg + 180) % 360 - 180)
    # Beyond some 3 sigma it is no error but a turn: no worse than that.
    return score - 0.5 * min(off_deg / HEADING_SIGMA_DEG, 3.5) ** 2


def _connect(before: _Step, step: _Step, positions: Sequence[Position], metres: Points, network: Network) -> bool:
    """Add to each foot's score the best way to it; false when no way leads from the step before."""
    if (positions[step.number].at - positions[before.number].at).total_seconds() > GAP_S:
        return False
    crow_m = math.dist(metres[before.number], metres[step.number])
    scores: list[float] = []
    for place, foot in enumerate(step.feet):
        ways = [
            score + _transition(start, foot, crow_m, network)
            for start, score in zip(before.feet, before.scores, strict=True)
        ]
        best = max(range(len(ways)), key=ways.__getitem__)
        step.before[place] = best
        scores.append(step.scores[place] + ways[best])
    if max(scores) == -math.inf:
        step.before = [None] * len(step.feet)
        return False
    step.scores = scores
    return True


def _transition(start: Foot, end: Foot, crow_m: float, network: Network) -> float:
    if start.lane == end.lane and -2 * SIGMA_FLOOR_M <= end.driven_m - start.driven_m < 0:
        return -crow_m / DETOUR_M  # a standing bus that seems to go back
    way_m = network.drive_m(start, end, at_most_m=2 * crow_m + 60)
    return -abs(way_m - crow_m) / DETOUR_M


def _best(chain: list[_Step]) -> list[Foot]:
    """Follow the best foot of the last step back to the first."""
    last = chain[-1]
    place: int | None = max(range(len(last.scores)), key=last.scores.__getitem__)
    feet: list[Foot] = []
    for step in reversed(chain):
        if place is None:
            break
        feet.append(step.feet[place])
        place = step.before[place]
    return feet[::-1]


def _matched(foot: Foot, network: Network) -> Matched:
    return Matched(
        segment_id=network.segments[foot.lane.segment].id,
        way=foot.lane.way,
        along_m=_along_m(foot.lane, foot.driven_m, network),
        distance_m=foot.distance_m,
    )


def _along_m(lane: Lane, driven_m: float, network: Network) -> float:
    return driven_m if lane.way == 1 else network.lengths_m[lane.segment] - driven_m


@dataclass(slots=True, kw_only=True)
class _Visit:
    lane: Lane
    from_m: float  # driven along the lane
    to_m: float
    from_at: datetime
    to_at: datetime


def _visits(chain: list[_Step], positions: Sequence[Position], network: Network) -> list[_Visit]:
    feet = list(zip((positions[step.number].at for step in chain), _best(chain), strict=True))
    first_at, first = feet[0]
    visits = [_Visit(lane=first.lane, from_m=first.driven_m, to_m=first.driven_m, from_at=first_at, to_at=first_at)]
    for (before_at, before), (at, foot) in pairwise(feet):
        if before.lane != foot.lane:
            _leave(visits, before, foot, before_at, network)
            visits.append(_Visit(lane=foot.lane, from_m=0.0, to_m=foot.driven_m, from_at=before_at, to_at=at))
        visits[-1].to_m, visits[-1].to_at = max(visits[-1].to_m, foot.driven_m), at
    return visits


def _leave(visits: list[_Visit], before: Foot, foot: Foot, at: datetime, network: Network) -> None:
    """Drive to the end of a lane and over all lanes up to the next position's."""
    visits[-1].to_m = network.lengths_m[before.lane.segment]
    between = network.lanes_between(before.lane, foot.lane, at_most_m=10 * RADIUS_M[1])
    visits += [
        _Visit(lane=lane, from_m=0.0, to_m=network.lengths_m[lane.segment], from_at=at, to_at=at) for lane in between
    ]


def _stay(visit: _Visit, network: Network) -> Stay:
    ends = sorted(_along_m(visit.lane, driven_m, network) for driven_m in (visit.from_m, visit.to_m))
    return Stay(
        segment_id=network.segments[visit.lane.segment].id,
        way=visit.lane.way,
        from_m=max(0.0, ends[0]),
        to_m=ends[1],
        from_at=visit.from_at,
        to_at=visit.to_at,
    )


def match_place(position: Position, network: Network) -> Matched | None:
    """Match one place on its own: the road nearest in distance and heading."""
    place = network.to_metres(np.array([(position.lon, position.lat)]))
    (feet,) = network.feet(place, np.array([_radius_m(position)]))
    step = _emit(0, position, feet)
    return _matched(step.feet[0], network) if step.feet else None
