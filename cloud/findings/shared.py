"""The error that all sightings of one pass share, found from all that the pass saw in common with others.

A receiver between houses wanders by metres within a minute, and a reflection shifts it by ten for seconds; all that a
bus sees meanwhile is shifted alike. Given which sightings are of one thing, the places of the things and the wandering
of every pass are one sparse system of normal equations (a first-order Gauss-Markov process along each pass), solved a
few times over with Cauchy's weights, so that neither a wrong group nor a jump pulls the rest. What is taken off a
sighting is then what its neighbours in time say, without itself: it never confirms the group that it is in.
Source: Thrun, Burgard and Fox, Probabilistic Robotics, chapter 11 (GraphSLAM); Rasmussen and Williams, Gaussian
Processes for Machine Learning, section 2.2.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix  # pyright: ignore[reportMissingTypeStubs]
from scipy.sparse.linalg import spsolve  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from cloud.findings.geometry import offset_m, place_at
from cloud.findings.model import Observation

LASTS_S: Final = 60.0  # after which a receiver's error is a third of what it was (unconfirmed)
OWN_ACROSS_M: Final = 0.5  # of one sighting within its pass: the camera's part, and the receiver's jitter
ROUNDS: Final = 4  # of weighing
DOUBT_2: Final = 4.0  # squared sigmas at which something weighs half
THING_2: Final = 2.0  # square metres by which one sighting misses its thing, what it shares with its pass taken off
NEIGHBOURS: Final = 4  # on each side that say what a sighting shares with them
GRID_M: Final = 0.5  # to which the error is told: a new pass by one place must not move everything a little
SIGMA_GRID_M: Final = 0.25

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Group = Sequence[Observation]


def with_shared(groups: Sequence[Group]) -> dict[str, Observation]:
    """Observations by id, each with the error that its pass shares there; each group is of one thing."""
    return {item.id: item for item in _Street(groups).told()}


def without_shared(item: Observation) -> Observation:
    """The sighting put where it would be without that error, and as unsure as it then is against its neighbours."""
    if item.left_m is None:
        return item
    lon, lat = place_at(np.array([-item.shift_east_m, -item.shift_north_m]), origin_lon=item.lon, origin_lat=item.lat)
    shared_2, along_2, across_2 = parts_of(item)
    left_2 = min(item.left_m**2, shared_2)
    return replace(item, lon=lon, lat=lat, along_m=math.sqrt(along_2 + left_2), across_m=math.sqrt(across_2 + left_2))


def parts_of(item: Observation) -> tuple[float, float, float]:
    """Variance that it shares with its pass (on each axis), and its own along and across."""
    across_2 = min(item.across_m, OWN_ACROSS_M) ** 2
    shared_2 = max(min(item.along_m, item.across_m) ** 2 - across_2, 0.01)
    return shared_2, max(item.along_m**2 - shared_2, across_2), across_2


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """Neighbours in time within one pass: each but the first follows from the one before."""

    before: Places
    after: Places
    keeps: Floats  # share of the error that is still there
    fresh_2: Floats  # variance of what is new


class _Street:
    """All sightings of some groups in order of bus and time, in metres around the first."""

    def __init__(self, groups: Sequence[Group]) -> None:
        pairs = [(item, number) for number, group in enumerate(groups) for item in group]
        pairs.sort(key=lambda pair: (pair[0].city, pair[0].device, pair[0].at, pair[0].id))
        self._items = [item for item, _ in pairs]
        self._thing = np.array([number for _, number in pairs], np.int64)
        self._sightings = np.bincount(self._thing, minlength=len(groups))
        origin = self._items[0]
        self._spots = np.array(
            [offset_m(lon=i.lon, lat=i.lat, origin_lon=origin.lon, origin_lat=origin.lat) for i in self._items]
        )
        parts = np.array([parts_of(item) for item in self._items])
        self._shared_2, self._own_2 = parts[:, 0], parts[:, 1:].mean(axis=1)
        self._at_s = np.array([item.at.timestamp() for item in self._items])
        self._is_same_bus = np.array(
            [(one.city, one.device) == (two.city, two.device) for one, two in pairwise(self._items)], bool
        )
        self._links = self._linked()

    def told(self) -> Iterator[Observation]:
        """Each sighting with what its neighbours say."""
        away, trust = self._residuals()
        for number, item in enumerate(self._items):
            neighbours = self._neighbours(number)
            if len(neighbours) == 0:
                yield replace(item, shift_east_m=0.0, shift_north_m=0.0, left_m=None)
            else:
                yield self._told(number, neighbours, away, trust)

    def _told(self, number: int, neighbours: Places, away: Floats, trust: Floats) -> Observation:
        """Simple kriging of the error at one moment from its neighbours."""
        shared_2 = float(self._shared_2[number])
        times = self._at_s[neighbours]
        alike = shared_2 * np.exp(-np.abs(times[:, None] - times) / LASTS_S)
        # A thing is where the other passes that saw it put it: the fewer, the less it says of this one's error.
        unsure_2 = self._own_2[neighbours] + THING_2 / (self._sightings[self._thing[neighbours]] - 1)
        alike += np.diag(unsure_2 / trust[neighbours])
        to_here = shared_2 * np.exp(-np.abs(times - self._at_s[number]) / LASTS_S)
        weights = cast("Floats", np.linalg.solve(alike, to_here))
        shift = weights @ away[neighbours]
        left_m = math.sqrt(max(shared_2 - float(weights @ to_here), 0.0))
        return replace(
            self._items[number],
            shift_east_m=round(float(shift[0]) / GRID_M) * GRID_M,
            shift_north_m=round(float(shift[1]) / GRID_M) * GRID_M,
            left_m=round(left_m / SIGMA_GRID_M) * SIGMA_GRID_M,
        )

    def _neighbours(self, number: int) -> Places:
        """Sightings of the same bus shortly before and after, of other things that more than one pass saw."""
        found: list[int] = []
        for step in (-1, 1):
            side: list[int] = []
            place = number + step
            while 0 <= place < len(self._items) and self._is_close(number, place) and len(side) < NEIGHBOURS:
                if self._thing[place] != self._thing[number] and self._sightings[self._thing[place]] > 1:
                    side.append(place)
                place += step
            found += side
        return np.array(sorted(found), np.int64)

    def _is_close(self, one: int, other: int) -> bool:
        first, second = self._items[one], self._items[other]
        is_same_bus = (first.city, first.device) == (second.city, second.device)
        return is_same_bus and abs(self._at_s[one] - self._at_s[other]) < LASTS_S

    def _linked(self) -> _Links:
        before = np.flatnonzero(self._is_same_bus)
        after = before + 1
        keeps = np.exp(-(self._at_s[after] - self._at_s[before]) / LASTS_S)
        fresh_2 = self._shared_2[after] * (1 - keeps**2) + 1e-4
        scaled = keeps * np.sqrt(self._shared_2[after] / self._shared_2[before])
        return _Links(before, after, scaled, fresh_2)

    def _residuals(self) -> tuple[Floats, Floats]:
        """How far each sighting (n, 2) is from where its thing is, and how far it is to be trusted (n,)."""
        links = self._links
        trust, usual = np.ones(len(self._items)), np.ones(len(links.before))
        things = np.zeros((len(self._sightings), 2))
        for _ in range(ROUNDS):
            errors, things = self._solved(trust, usual)
            left = self._spots - things[self._thing] - errors
            trust = 1 / (1 + (left**2).sum(axis=1) / self._own_2 / DOUBT_2)
            jumps = errors[links.after] - links.keeps[:, None] * errors[links.before]
            usual = 1 / (1 + (jumps**2).sum(axis=1) / links.fresh_2 / DOUBT_2)
        return self._spots - things[self._thing], trust

    def _solved(self, trust: Floats, usual: Floats) -> tuple[Floats, Floats]:
        """Normal equations: errors of the sightings (n, 2) and places of the things (m, 2)."""
        count, things, links = len(self._items), len(self._sightings), self._links
        here, there = np.arange(count), count + self._thing
        sure = trust / self._own_2
        step = usual / links.fresh_2
        firsts = np.flatnonzero(np.concatenate([[True], ~self._is_same_bus]))
        entries = [
            (here, here, sure),
            (there, there, sure),
            (here, there, sure),
            (there, here, sure),
            (firsts, firsts, 1 / self._shared_2[firsts]),
            (links.after, links.after, step),
            (links.before, links.before, step * links.keeps**2),
            (links.before, links.after, -step * links.keeps),
            (links.after, links.before, -step * links.keeps),
        ]
        rows, columns, values = (np.concatenate(column) for column in zip(*entries, strict=True))
        size = count + things
        right = np.zeros((size, 2))
        right[:count] = sure[:, None] * self._spots
        np.add.at(right, there, sure[:, None] * self._spots)
        matrix = coo_matrix((values, (rows, columns)), shape=(size, size)).tocsc()
        found = cast("Floats", spsolve(matrix, right))
        return found[:count], found[count:]
