# pyright: reportUnknownMemberType=false
# shapely leaves the rest of its keyword arguments untyped.
"""Cutting roads into segments, and knowing a segment again when its road was drawn anew."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from shapely import LineString, STRtree

from cloud.roads.model import JoinedRoad, Line, Road, Segment
from cloud.roads.plane import FlatMap, Points, length_m, map_around

SEGMENT_M: Final = 100.0
SAME_WITHIN_M: Final = 12.0  # a redrawn segment lies nowhere farther from what it was ...
SAME_LENGTH: Final = 0.7  # ... and is not much longer or shorter
_DIGITS: Final = 7  # of a degree: 1 cm


def join_roads(roads: Sequence[Road]) -> Iterator[JoinedRoad]:
    """Find where roads meet: at places that they share exactly, as road networks do."""
    uses = Counter(_rounded(place) for road in roads for place in road.line)
    for road in roads:
        meets = (number for number, place in enumerate(road.line) if uses[_rounded(place)] > 1)
        yield JoinedRoad(road=road, junctions=frozenset(meets))


def cut(joined: JoinedRoad) -> list[Segment]:
    """Cut at the junctions and then into equal parts of about 100 m; a road without length has no segments."""
    road = joined.road
    ends = sorted({0, *joined.junctions, len(road.line) - 1})
    pieces = (road.line[first : last + 1] for first, last in pairwise(ends))
    return [_segment(road.id, part, metres) for piece in pieces for part, metres in _equal_parts(piece)]


def inherit(gone: Sequence[Segment], fresh: Sequence[Segment]) -> dict[str, str]:
    """Find out which segments of a new import are those of an old one, drawn a little differently.

    Returns:
        Id of the old segment by the course of the fresh one; each old one is taken once, the closest pairs first.
    """
    if not gone or not fresh:
        return {}
    plane = map_around(np.array([place for segment in (*gone, *fresh) for place in segment.line]))
    old, new = (_lines(segments, plane) for segments in (gone, fresh))
    first, second = STRtree(old).query(new, predicate="dwithin", distance=SAME_WITHIN_M)
    apart_m = shapely.hausdorff_distance(new[first], old[second])
    ratio = shapely.length(new[first]) / shapely.length(old[second])
    alike = (apart_m <= SAME_WITHIN_M) & (ratio >= SAME_LENGTH) & (ratio <= 1 / SAME_LENGTH)
    order = np.argsort(apart_m[alike], kind="stable")
    pairs = np.stack((first[alike], second[alike]), axis=1)[order]
    return _closest_first((fresh[int(new_one)].course, gone[int(old_one)].id) for new_one, old_one in pairs)


def _closest_first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    taken: dict[str, str] = {}
    used: set[str] = set()
    for course, old_id in pairs:
        if course not in taken and old_id not in used:
            taken[course] = old_id
            used.add(old_id)
    return taken


def _lines(segments: Sequence[Segment], plane: FlatMap) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    return np.array([LineString(plane.to_metres(np.array(segment.line))) for segment in segments], dtype=object)


def _equal_parts(piece: Line) -> Iterator[tuple[Line, float]]:
    """Parts of equal length with their length in metres."""
    degrees = np.array(piece)
    plane = map_around(degrees)
    metres = plane.to_metres(degrees)
    total_m = length_m(metres)
    if total_m == 0:
        return
    at_m = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))))
    count = max(1, round(total_m / SEGMENT_M))
    cuts_m = np.linspace(0, total_m, count + 1)
    for from_m, to_m in pairwise(cuts_m.tolist()):
        inside = degrees[(at_m > from_m + 0.01) & (at_m < to_m - 0.01)]
        ends = np.stack([np.interp([from_m, to_m], at_m, degrees[:, axis]) for axis in (0, 1)], axis=1)
        yield tuple(map(_rounded, (ends[0], *inside, ends[1]))), to_m - from_m


def _segment(road_id: str, line: Line, metres: float) -> Segment:
    course = hashlib.sha256(json.dumps([road_id, line]).encode()).hexdigest()[:20]
    return Segment(id=course, course=course, road_id=road_id, line=line, length_m=metres)


def _rounded(place: Sequence[float] | Points) -> tuple[float, float]:
    return round(float(place[0]), _DIGITS), round(float(place[1]), _DIGITS)
