# pyright: reportUnknownMemberType=false
# shapely leaves the rest of its keyword arguments untyped.
"""A part of the road network in memory: what lies near a place, and how far it is to drive."""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, STRtree

from cloud.roads.model import Line
from cloud.roads.plane import FlatMap, Points, length_m

Way = Literal[1, -1]  # along the line, or against it
Floats = NDArray[np.float64]

_TANGENT_M: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSegment:
    """A segment, as far as driving needs it."""

    id: str
    line: Line
    is_oneway: bool


class Lane(NamedTuple):
    """A segment (its number in the network) in one direction of driving."""

    segment: int
    way: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Foot:
    """The nearest place on a segment, for one direction of driving."""

    lane: Lane
    driven_m: float  # from where the lane begins
    distance_m: float
    heading_deg: float


class Network:
    """Segments with their neighbours; two segments are neighbours where they share an end exactly."""

    def __init__(self, segments: Sequence[NetworkSegment], plane: FlatMap) -> None:
        """Lay the segments out on a flat map."""
        self.segments = segments
        self._plane = plane
        lines = [plane.to_metres(np.array(segment.line)) for segment in segments]
        self.lengths_m = [length_m(line) for line in lines]
        self._lines = np.array([LineString(line) for line in lines], dtype=object)
        self._tree = STRtree(self._lines)
        self._leaving = _lanes_by_start(segments)
        self._distances: dict[Lane, tuple[float, dict[Lane, float]]] = {}

    def to_metres(self, lon_lat: Points) -> Points:
        """Places on the flat map."""
        return self._plane.to_metres(lon_lat)

    def feet(self, places: Points, radii_m: Floats) -> list[list[Foot]]:
        """For each place (metres) the feet on all lanes within its radius."""
        points = np.asarray(shapely.points(places), dtype=object)
        place, segment = self._tree.query(points, predicate="dwithin", distance=radii_m)
        lines = self._lines[segment]
        along_m = shapely.line_locate_point(lines, points[place])
        apart_m = shapely.distance(lines, points[place])
        headings = _headings(lines, along_m)
        found: list[list[Foot]] = [[] for _ in range(len(places))]
        for number, values in enumerate(zip(along_m, apart_m, headings, strict=True)):
            found[int(place[number])] += self._both_ways(int(segment[number]), *map(float, values))
        return found

    def drive_m(self, start: Foot, end: Foot, *, at_most_m: float) -> float:
        """Shortest way from one foot to another without turning round; infinite when it is longer than that."""
        if start.lane == end.lane and end.driven_m >= start.driven_m:
            return end.driven_m - start.driven_m
        rest_m = self.lengths_m[start.lane.segment] - start.driven_m
        to_lane_m = self._reach(start.lane, at_most_m).get(end.lane, math.inf)
        way_m = rest_m + to_lane_m + end.driven_m
        return way_m if way_m <= at_most_m else math.inf

    def lanes_between(self, start: Lane, end: Lane, *, at_most_m: float) -> list[Lane]:
        """Lanes of the shortest way strictly between two lanes."""
        queue: list[tuple[float, Lane, list[Lane]]] = [(0.0, lane, []) for lane in self.following(start)]
        seen: set[Lane] = set()
        while queue:
            so_far_m, lane, way = heapq.heappop(queue)
            if lane == end:
                return way
            if lane in seen or so_far_m > at_most_m:
                continue
            seen.add(lane)
            after_m = so_far_m + self.lengths_m[lane.segment]
            for following in self.following(lane):
                heapq.heappush(queue, (after_m, following, [*way, lane]))
        return []

    def following(self, lane: Lane) -> Iterator[Lane]:
        """Lanes that begin where this one ends, without turning round."""
        end = self.segments[lane.segment].line[-1 if lane.way == 1 else 0]
        return (following for following in self._leaving[end] if following.segment != lane.segment)

    def _both_ways(self, segment: int, along_m: float, distance_m: float, heading_deg: float) -> Iterator[Foot]:
        yield Foot(lane=Lane(segment, 1), driven_m=along_m, distance_m=distance_m, heading_deg=heading_deg)
        if not self.segments[segment].is_oneway:
            back_m, back_deg = self.lengths_m[segment] - along_m, (heading_deg + 180) % 360
            yield Foot(lane=Lane(segment, -1), driven_m=back_m, distance_m=distance_m, heading_deg=back_deg)

    def _reach(self, lane: Lane, at_most_m: float) -> dict[Lane, float]:
        """Metres from a lane's end to the beginning of each lane that can be reached."""
        known_m, distances = self._distances.get(lane, (-1.0, {}))
        if known_m < at_most_m:
            distances = self._search(lane, at_most_m)
            self._distances[lane] = (at_most_m, distances)
        return distances

    def _search(self, lane: Lane, at_most_m: float) -> dict[Lane, float]:
        distances: dict[Lane, float] = {}
        queue = [(0.0, following) for following in self.following(lane)]
        while queue:
            so_far_m, here = heapq.heappop(queue)
            if here in distances or so_far_m > at_most_m:
                continue
            distances[here] = so_far_m
            after_m = so_far_m + self.lengths_m[here.segment]
            for following in self.following(here):
                heapq.heappush(queue, (after_m, following))
        return distances


def _lanes_by_start(segments: Sequence[NetworkSegment]) -> defaultdict[tuple[float, float], list[Lane]]:
    leaving: defaultdict[tuple[float, float], list[Lane]] = defaultdict(list)
    for number, segment in enumerate(segments):
        leaving[segment.line[0]].append(Lane(number, 1))
        if not segment.is_oneway:
            leaving[segment.line[-1]].append(Lane(number, -1))
    return leaving


def _headings(lines: "NDArray[np.object_]", along_m: Floats) -> Floats:
    """Direction of lines at a way along them, clockwise from north."""
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(along_m - _TANGENT_M, 0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(lines, along_m + _TANGENT_M))
    east_m, north_m = (after - before).T
    return np.degrees(np.arctan2(east_m, north_m)) % 360
