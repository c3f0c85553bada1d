"""Where a lost person may be now, cell by cell.

What can be walked counts, what a bus could have carried unheard, and where readers have listened in vain since. How
people walk who have lost their way is not settled; what a county sets of it orders the cells and is no measurement.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Final, NamedTuple, cast

import h3
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra  # pyright: ignore[reportUnknownVariableType]

from cloud.roads.plane import metres_per_degree
from cloud.scenarios.safe_travel.model import Heard, Moment, Placed, Watch, apart_m
from cloud.scenarios.safe_travel.rules import Searching, TravelRules

RESOLUTION: Final = 10  # edges of 66 m: about what a reader hears
RING_M: Final = 50.0
NODE_M: Final = 40.0  # between two nodes of a street
STOP_M: Final = 15.0
STOP_S: Final = 8.0
MOST_STOPS: Final = 30
AWAY: Final = timedelta(minutes=1)  # sooner no reader leaves a cell and comes back
DAY: Final = timedelta(days=1)

Floats = NDArray[np.float64]


class Streets:
    """The streets around, for walking."""

    def __init__(self, lines: Iterable[Sequence[Sequence[float]]]) -> None:
        """Take lines of [lon, lat]; they meet where they share a point."""
        numbers: dict[tuple[float, float], int] = {}
        edges: dict[tuple[int, int], float] = {}
        for line in lines:
            ids = [numbers.setdefault(place, len(numbers)) for place in _dense(line)]
            places = list(_dense(line))
            for number, (first, second) in enumerate(pairwise(ids)):
                edges[first, second] = _metres(places[number], places[number + 1])
        self.places = np.array(list(numbers), dtype=np.float64).reshape(-1, 2)
        self.cells = [cell_of(lon=lon, lat=lat) for lon, lat in numbers]
        ends = np.array(list(edges), dtype=np.intp).reshape(-1, 2)
        size = len(numbers)
        self._graph = csr_array((np.array(list(edges.values())), (ends[:, 0], ends[:, 1])), shape=(size, size))

    def walked_m(self, place: Placed, *, limit_m: float) -> Floats:
        """How far it is to each node; infinite beyond the limit. The way to the nearest street counts too."""
        if not len(self.places):
            return np.empty(0)
        east_m, north_m = metres_per_degree(place.lat)
        apart = np.hypot((self.places[:, 0] - place.lon) * east_m, (self.places[:, 1] - place.lat) * north_m)
        nearest = int(np.argmin(apart))
        far = cast("Floats", dijkstra(self._graph, directed=False, indices=nearest, limit=limit_m))
        return far + float(apart[nearest])


class Chance(NamedTuple):
    """A cell, and how likely the person is in it."""

    cell: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A place from where the person may have walked since."""

    at: datetime
    lon: float
    lat: float
    weight: float
    is_bus: bool = False  # still aboard: nobody walks


def where_now(last: Heard, *, at: datetime, streets: Streets, watch: Watch, rules: TravelRules) -> list[Chance]:
    """Cells with their probabilities, which add up to one; the likeliest first."""
    chances: defaultdict[str, float] = defaultdict(float)
    for origin in origins(last, at=at, watch=watch, rules=rules):
        for cell, share in _walk(origin, at=at, streets=streets, rules=rules.search).items():
            chances[cell] += origin.weight * share
    for cell, unheard in _listened(watch, from_at=last.to_at, at=at, rules=rules).items():
        if cell in chances:
            chances[cell] *= unheard
    whole = sum(chances.values())
    ordered = sorted(chances.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Chance(cell, probability / whole) for cell, probability in ordered]


def origins(last: Heard, *, at: datetime, watch: Watch, rules: TravelRules) -> list[Origin]:
    """Where the person may have begun to walk: where they were heard, or where a bus that could not hear stopped."""
    rides = [
        (reader == last.reader, ways)
        for reader, moments in watch.items()
        if (ways := _unheard_ride(last, moments, at, board_m=rules.radio.reach_m))
    ]
    own = [ways for is_own, ways in rides if is_own]
    others = [ways for is_own, ways in rides if not is_own]
    by_own = rules.search.still_aboard if own else 0.0
    by_others = (1 - by_own) * rules.search.by_bus if others else 0.0
    found = [Origin(at=last.to_at, lon=last.lon, lat=last.lat, weight=1 - by_own - by_others)]
    for group, weight in ((own, by_own), (others, by_others)):
        for ways in group:
            share = weight / len(group) / len(ways)
            found += [
                Origin(at=moment.at, lon=moment.lon, lat=moment.lat, weight=share, is_bus=number == 0)
                for number, moment in enumerate(ways)
            ]
    return found


def _unheard_ride(last: Heard, moments: Sequence[Moment], at: datetime, *, board_m: float) -> list[Moment]:
    """Where a bus is now that passed here without listening, then where it stopped until it listened again."""
    since = [moment for moment in moments if last.to_at <= moment.at <= at]
    board = next((n for n, one in enumerate(since) if apart_m(one, last) <= board_m + last.accuracy_m), None)
    if board is None or since[board].is_listening:
        return []
    deaf = [moment for moment in since[board:] if not moment.is_listening]
    until = next((moment.at for moment in since[board:] if moment.is_listening), None)
    unheard = [moment for moment in deaf if until is None or moment.at < until]
    return [unheard[-1], *_stops(unheard)][: MOST_STOPS + 1]


def _stops(moments: Sequence[Moment]) -> Iterator[Moment]:
    """Where a bus stood for some seconds, each once."""
    begin = moments[0]
    is_told = False
    for moment in moments[1:]:
        if apart_m(begin, moment) > STOP_M:
            begin, is_told = moment, False
        elif not is_told and (moment.at - begin.at).total_seconds() >= STOP_S:
            is_told = True
            yield moment


def reach_on_foot_m(since: timedelta, rules: Searching) -> float:
    """How far somebody may have walked; not back in time."""
    return min(rules.walk_mps * max(since.total_seconds(), 0.0), rules.farthest_m)


def _walk(origin: Origin, *, at: datetime, streets: Streets, rules: Searching) -> Mapping[str, float]:
    """How the person may have spread since, by cell: in rings of the way on foot."""
    here = {cell_of(lon=origin.lon, lat=origin.lat): 1.0}
    reach_m = reach_on_foot_m(at - origin.at, rules)
    if origin.is_bus or reach_m < RING_M:
        return here
    far_m = streets.walked_m(origin, limit_m=reach_m)
    within = np.flatnonzero(far_m <= reach_m)
    if not len(within):
        return here
    rings = (far_m[within] // RING_M).astype(np.intp)
    sizes = np.bincount(rings)
    per_ring = (1 - rules.stayed) / int(np.count_nonzero(sizes))
    spread: defaultdict[str, float] = defaultdict(float, dict.fromkeys(here, rules.stayed))
    for node, ring in zip(within.tolist(), rings.tolist(), strict=True):
        spread[streets.cells[node]] += per_ring / float(sizes[ring])
    return spread


def _listened(watch: Watch, *, from_at: datetime, at: datetime, rules: TravelRules) -> dict[str, float]:
    """How likely it is not to have been heard in a cell, by all that listened there since.

    A reader that stays has listened until it goes, and only once: who was not heard then is not heard by waiting.
    """
    unheard: defaultdict[str, float] = defaultdict(lambda: 1.0)
    forgotten = timedelta(seconds=rules.search.forgotten_s)
    for moments in watch.values():
        for cell, left_at in _visits(moment for moment in moments if moment.is_listening and from_at < moment.at <= at):
            unheard[cell] *= 1 - rules.hearing.passing * math.exp(-((at - left_at) / forgotten))
    return unheard


def _visits(moments: Iterable[Moment]) -> Iterator[tuple[str, datetime]]:
    """The cells in which a reader was, each with when it left; of one at an edge its noise makes no visits."""
    left: dict[str, datetime] = {}
    for cell, stay in groupby(moments, key=lambda moment: cell_of(lon=moment.lon, lat=moment.lat)):
        times = [moment.at for moment in stay]
        if cell in left and times[0] - left[cell] > AWAY:
            yield cell, left[cell]
        left[cell] = times[-1]
    yield from left.items()


class Passing(NamedTuple):
    """A bus was in a cell."""

    reader: str
    at: datetime
    cell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPass:
    """A bus that usually comes: on what share of days, and how likely the person is where it passes."""

    reader: str
    at: datetime
    share: float
    probability: float


def next_passes(
    past: Iterable[Passing], chances: Sequence[Chance], *, at: datetime, horizon: timedelta = timedelta(hours=1)
) -> list[NextPass]:
    """Buses that came by at this time on the days before, the soonest first."""
    wanted = {chance.cell: chance.probability for chance in chances}
    seen: defaultdict[str, dict[int, tuple[datetime, frozenset[str]]]] = defaultdict(dict)
    days: set[int] = set()
    for one in past:
        before = -((one.at - at) // DAY)
        days.add(before)
        come_at = one.at + before * DAY
        if one.cell in wanted and come_at <= at + horizon:
            first, cells = seen[one.reader].get(before, (come_at, frozenset[str]()))
            seen[one.reader][before] = min(first, come_at), cells | {one.cell}
    found = [
        NextPass(
            reader=reader,
            at=_middle([come_at for come_at, _ in of_days.values()]),
            share=len(of_days) / len(days),
            probability=min(max(sum(wanted[cell] for cell in cells) for _, cells in of_days.values()), 1.0),
        )
        for reader, of_days in seen.items()
    ]
    return sorted(found, key=lambda one: (one.at, one.reader))


def cell_of(*, lon: float, lat: float) -> str:
    """The cell that a place lies in."""
    return str(h3.latlng_to_cell(lat, lon, RESOLUTION))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _middle(times: Sequence[datetime]) -> datetime:
    return sorted(times)[len(times) // 2]


def _dense(line: Sequence[Sequence[float]]) -> Iterator[tuple[float, float]]:
    """Points of a line, and more between those that lie far apart."""
    rounded = [(round(place[0], 6), round(place[1], 6)) for place in line]
    for first, second in pairwise(rounded):
        parts = max(math.ceil(_metres(first, second) / NODE_M), 1)
        for number in range(parts):
            share = number / parts
            lon, lat = first[0] + share * (second[0] - first[0]), first[1] + share * (second[1] - first[1])
            yield (round(lon, 6), round(lat, 6)) if number else first
    yield rounded[-1]


def _metres(first: tuple[float, float], second: tuple[float, float]) -> float:
    east_m, north_m = metres_per_degree(first[1])
    return math.hypot((second[0] - first[0]) * east_m, (second[1] - first[1]) * north_m)
