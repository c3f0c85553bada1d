"""Roads as a graph: from the invented town or from an OpenStreetMap extract; the ways of lines are found on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final, cast

import numpy as np
import osmium
from numpy.typing import NDArray
from osmium.filter import KeyFilter
from osmium.osm import Way
from scipy.sparse import csr_array
from scipy.sparse.csgraph import (
    connected_components,  # pyright: ignore[reportUnknownVariableType]
    dijkstra,  # pyright: ignore[reportUnknownVariableType]
)
from scipy.spatial import KDTree

from simulator.city import Town
from simulator.errors import NetworkError
from simulator.plane import Plane, Spot, distance_m

Spots = NDArray[np.float64]  # (n, 2) metres east and north
Indices = NDArray[np.int64]  # (n,)
Metres = NDArray[np.float64]  # (n,)

# How much longer than it is a road seems to who lays out a bus line; roads that are not named carry none.
_DETOUR: Final = {
    "trunk": 1.2,
    "primary": 1.0,
    "secondary": 1.0,
    "tertiary": 1.1,
    "unclassified": 1.4,
    "residential": 1.6,
    "busway": 1.0,
}
NODE_EVERY_M: Final = 30.0  # on a street of the invented town
PIECE_M: Final = 100.0  # of a real road that runs straight on: its stops lie near a node, too
OFF_THE_ROAD_M: Final = 150.0
CANDIDATES: Final = 8  # nodes near a stop
ASIDE: Final = 4.0  # metres of way that one metre between stop and road is worth
NEAR_AT_MOST_M, DETOUR_AT_MOST = 1500.0, 6.0  # of a way from stop to stop, and as times the distance
_ONE_WAY: Final = frozenset({"yes", "true", "1"})
_BACKWARDS: Final = frozenset({"-1", "reverse"})
_CLOSED: Final = frozenset({"no", "private"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Every node can be reached from every other; an edge is a straight piece of road in one direction."""

    plane: Plane
    spots: Spots
    edges: csr_array  # (n, n) as who lays out lines weighs them

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.spots)

    def way_past(self, stops: Sequence[Spot]) -> list[Spot]:
        """The shortest way that passes near all stops in their order; on which side of a road each lies, it finds out.

        Raises:
            NetworkError: a stop lies off the network, or one cannot be reached from the one before.
        """
        stages = [self._candidates(stop) for stop in stops]
        costs = {node: ASIDE * metres for node, metres in stages[0]}
        before: list[dict[int, int]] = []
        for number, stage in enumerate(stages[1:], start=1):
            limit_m = NEAR_AT_MOST_M + DETOUR_AT_MOST * distance_m(stops[number - 1], stops[number])
            here = list(costs)
            to = (
                cast("Spots", dijkstra(self.edges, indices=here, limit=limit_m))
                + np.array(list(costs.values()))[:, None]
            )
            best = {node: int(np.argmin(to[:, node])) for node, _ in stage}
            costs = {node: float(to[best[node], node]) + ASIDE * metres for node, metres in stage}
            before.append({node: here[place] for node, place in best.items()})
            if not any(np.isfinite(list(costs.values()))):
                raise NetworkError(f"no road leads from stop {number} to the next within {limit_m:.0f} m")
        nodes = [min(costs, key=lambda node: costs[node])]
        for step in reversed(before):
            nodes.append(step[nodes[-1]])
        return self.way([node for node, _ in groupby(reversed(nodes))])

    def _candidates(self, stop: Spot) -> list[tuple[int, float]]:
        """Nodes near a stop and how far they are, in metres."""
        metres, nodes = cast(
            "tuple[Metres, Indices]",
            self._tree.query(stop, k=CANDIDATES, distance_upper_bound=OFF_THE_ROAD_M),  # pyright: ignore[reportUnknownMemberType]
        )
        near = [(int(node), float(away)) for away, node in zip(metres, nodes, strict=True) if np.isfinite(away)]
        if not near:
            lon, lat = self.plane.lon_lat(stop)
            raise NetworkError(f"the stop at {lon:.5f}, {lat:.5f} lies more than {OFF_THE_ROAD_M:.0f} m from any road")
        return near

    def way(self, stations: Sequence[int]) -> list[Spot]:
        """Shortest way through some nodes in their order."""
        nodes = [stations[0]]
        for start, end in pairwise(stations):
            nodes += self._shortest(start, end)[1:]
        return [Spot(float(self.spots[node, 0]), float(self.spots[node, 1])) for node in nodes]

    def _shortest(self, start: int, end: int) -> list[int]:
        before = cast("Indices", dijkstra(self.edges, indices=start, return_predecessors=True)[1])
        nodes = [end]
        while nodes[-1] != start:
            nodes.append(int(before[nodes[-1]]))
        return nodes[::-1]


def network_of_town(town: Town) -> Network:
    """The invented town's streets, all of them in both directions, with a node each few metres as real roads have."""
    number = {junction: place for place, junction in enumerate(town.junctions)}
    spots = np.array([(spot.east_m, spot.north_m) for spot in town.junctions.values()])
    streets = [(number[a], number[b]) for a, b in town.blocks()]
    both = [*streets, *((b, a) for a, b in streets)]
    return _connected(town.plane, *_cut(spots, both, [1.0] * len(both), every_m=NODE_EVERY_M))


def read_network(path: Path) -> Network:
    """Read the roads of an OpenStreetMap extract on which buses may drive.

    Raises:
        NetworkError: the file cannot be read or holds no roads.
    """
    places: dict[int, tuple[float, float]] = {}
    pairs: list[tuple[int, int]] = []
    detours: list[float] = []
    try:
        for way in _ways(path):
            nodes = [(node.ref, node.lon, node.lat) for node in way.nodes if node.location.valid()]
            places.update((ref, (lon, lat)) for ref, lon, lat in nodes)
            pieces = list(_pieces(way, [ref for ref, _, _ in nodes]))
            pairs += pieces
            detours += [_DETOUR[way.tags["highway"].removesuffix("_link")]] * len(pieces)
    except RuntimeError as error:
        raise NetworkError(f"{path}: {error}") from error
    if not pairs:
        raise NetworkError(f"{path}: no road of {', '.join(_DETOUR)} is in it")
    number = {ref: place for place, ref in enumerate(places)}
    lon_lat = np.array(list(places.values()))
    lon, lat = np.median(lon_lat, axis=0).tolist()
    plane = Plane(origin_lon=round(lon, 4), origin_lat=round(lat, 4))
    spots = np.array([plane.spot(lon=each[0], lat=each[1]) for each in lon_lat.tolist()])
    edges = [(number[a], number[b]) for a, b in pairs]
    return _connected(plane, *_cut(spots, edges, detours, every_m=PIECE_M))


def _ways(path: Path) -> Iterator[Way]:
    for way in osmium.FileProcessor(path).with_locations().with_filter(KeyFilter("highway")):
        if isinstance(way, Way) and way.tags["highway"].removesuffix("_link") in _DETOUR and _is_open(way):
            yield way


def _is_open(way: Way) -> bool:
    return way.tags.get("access") not in _CLOSED and way.tags.get("area") != "yes"


def _pieces(way: Way, refs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pairs of neighbouring nodes in the directions that are open."""
    oneway = _direction(way)
    for a, b in pairwise(refs):
        if oneway not in _BACKWARDS:
            yield a, b
        if oneway not in _ONE_WAY:
            yield b, a


def _direction(way: Way) -> str:
    """What is said of buses, else of public transport, else of everybody."""
    for key in ("oneway:bus", "oneway:psv", "oneway"):
        if (said := way.tags.get(key)) is not None:
            return said
    return "yes" if way.tags.get("junction") == "roundabout" else "no"


def _cut(
    spots: Spots, edges: Sequence[tuple[int, int]], detours: Sequence[float], *, every_m: float
) -> tuple[Spots, NDArray[np.int64], Metres]:
    """Cut long edges into pieces of about a length; both directions of a road share the nodes between."""
    places: list[tuple[float, float]] = []
    between: dict[tuple[int, int], list[int]] = {}
    pieces: list[tuple[int, int]] = []
    weights: list[float] = []
    for (a, b), detour in zip(edges, detours, strict=True):
        if (b, a) in between:
            inner = between[b, a][::-1]
        else:
            step = spots[b] - spots[a]
            count = max(1, round(float(np.hypot(*step)) / every_m))
            inner = list(range(len(spots) + len(places), len(spots) + len(places) + count - 1))
            places += [(spots[a] + step * (number / count)).tolist() for number in range(1, count)]
        between[a, b] = inner
        chain = list(pairwise([a, *inner, b]))
        pieces += chain
        weights += [detour] * len(chain)
    return np.concatenate([spots, np.array(places).reshape(-1, 2)]), np.array(pieces), np.array(weights)


def _connected(plane: Plane, spots: Spots, edges: NDArray[np.int64], detours: Metres) -> Network:
    """The largest part in which every node is reached from every other."""
    edges, first = np.unique(edges, axis=0, return_index=True)
    lengths_m = np.maximum(np.hypot(*(spots[edges[:, 1]] - spots[edges[:, 0]]).T), 0.1)
    weights = lengths_m * detours[first]
    whole = csr_array((weights, (edges[:, 0], edges[:, 1])), shape=(len(spots), len(spots)))
    parts = cast("Indices", connected_components(whole, connection="strong")[1])
    kept = np.flatnonzero(parts == np.bincount(parts).argmax())
    return Network(plane=plane, spots=spots[kept], edges=cast("csr_array", whole[kept][:, kept]))
