"""The error that all sightings of one moment share, found by laying what a bus saw over what is known.

A receiver between houses is off by metres, and a reflection shifts it by ten more without its knowing; but everything
that the bus sees within seconds is shifted alike. So for each thing the shift is sought that explains it and its
neighbours in time best, and the association then compares places without it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # pyright: ignore[reportUnknownVariableType]

from cloud.findings.associate import Known
from cloud.findings.catalogue import Catalogue
from cloud.findings.geometry import mahalanobis_2, offset_m, place_at, spread_of
from cloud.findings.model import Covariance, Observation

OWN_SIGMA_M: Final = 1.5  # of one sighting within its pass: what the camera adds, and the receiver's jitter
WINDOW: Final = timedelta(seconds=6)  # within which a receiver's error stays about the same
JUMP_2: Final = 8.0  # a shift that two things agree on costs no more than this many squared sigmas ...
MAX_SHIFT_M: Final = 15.0  # ... up to here
_FAR: Final = 1e6
BY_MANY: Final = 2

Shift = tuple[float, float]  # metres east and north
NO_SHIFT: Final[Shift] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    east_m: float
    north_m: float
    class_code: str
    group: str | None
    spread: Covariance  # of a sighting: its own part, without what it shares


def align(burst: Sequence[Observation], known: Sequence[Known], *, catalogue: Catalogue) -> list[Observation]:
    """What a bus saw within a minute, each sighting put where it would be without the shared error.

    Sightings that nothing near explains stay where they are. The order is kept.
    """
    if not known or not burst:
        return list(burst)
    scene = _Scene(burst, known, catalogue)
    return [scene.aligned(number) for number in range(len(burst))]


class _Scene:
    """A burst and the findings around it, in metres around one corner."""

    def __init__(self, burst: Sequence[Observation], known: Sequence[Known], catalogue: Catalogue) -> None:
        self._burst, self._known, self._catalogue = burst, known, catalogue
        self._lon, self._lat = burst[0].lon, burst[0].lat
        self._seen = [self._spot(item.lon, item.lat, item.class_code, _own_spread(item)) for item in burst]
        self._there = [self._spot(item.lon, item.lat, item.class_code, item.covariance) for item in known]

    def _spot(self, lon: float, lat: float, class_code: str, spread: Covariance) -> _Spot:
        east_m, north_m = offset_m(lon=lon, lat=lat, origin_lon=self._lon, origin_lat=self._lat)
        group = self._catalogue.group_of(class_code)
        return _Spot(east_m=east_m, north_m=north_m, class_code=class_code, group=group, spread=spread)

    def aligned(self, number: int) -> Observation:
        item = self._burst[number]
        shared = _shared_spread(item)
        if shared is None:
            return item
        window = [place for place, other in enumerate(self._burst) if abs(other.at - item.at) <= WINDOW]
        there = [spot for spot in self._there if self._is_near(window, spot)]
        shifts = [NO_SHIFT, *self._shifts(window, there)]
        best = min(
            shifts, key=lambda shift: (round(self._cost(window, there, shift, shared), 9), math.hypot(*shift), shift)
        )
        if best == NO_SHIFT or not self._is_explained(number, there, best):
            return item
        spot = self._seen[number]
        lon, lat = place_at(
            np.array([spot.east_m + best[0], spot.north_m + best[1]]), origin_lon=self._lon, origin_lat=self._lat
        )
        return replace(item, lon=lon, lat=lat, along_m=_own(item.along_m), across_m=_own(item.across_m))

    def _is_near(self, window: Sequence[int], spot: _Spot) -> bool:
        """Whether it may explain any of the window's sightings, shifted or not."""
        return any(
            abs(spot.east_m - self._seen[place].east_m) <= 2 * MAX_SHIFT_M
            and abs(spot.north_m - self._seen[place].north_m) <= 2 * MAX_SHIFT_M
            for place in window
        )

    def _shifts(self, window: Sequence[int], there: Sequence[_Spot]) -> Iterator[Shift]:
        for place in window:
            for spot in there:
                east_m, north_m = spot.east_m - self._seen[place].east_m, spot.north_m - self._seen[place].north_m
                if math.hypot(east_m, north_m) <= MAX_SHIFT_M and self._seen[place].group == spot.group:
                    yield east_m, north_m

    def _cost(self, window: Sequence[int], there: Sequence[_Spot], shift: Shift, shared: Covariance) -> float:
        """Squared sigmas of a shift and of what it leaves unexplained."""
        gate = self._catalogue.association.gate
        table = np.full((len(window), len(there) + len(window)), _FAR)
        for row, place in enumerate(window):
            table[row, len(there) + row] = gate
            for column, spot in enumerate(there):
                table[row, column] = self._residual(place, spot, shift)
        columns = cast("NDArray[np.int64]", linear_sum_assignment(table)[1])
        explained = int((columns < len(there)).sum())
        own_cost = mahalanobis_2(*shift, shared)
        if explained >= BY_MANY:
            own_cost = min(own_cost, JUMP_2)
        return own_cost + float(table[np.arange(len(window)), columns].sum())

    def _residual(self, place: int, there: _Spot, shift: Shift) -> float:
        seen = self._seen[place]
        if seen.group != there.group:
            return _FAR
        east_m, north_m = there.east_m - seen.east_m - shift[0], there.north_m - seen.north_m - shift[1]
        if math.hypot(east_m, north_m) > MAX_SHIFT_M:
            return _FAR
        distance = mahalanobis_2(east_m, north_m, seen.spread, there.spread)
        return distance + self._catalogue.class_penalty(seen.class_code, there.class_code)

    def _is_explained(self, number: int, there: Sequence[_Spot], shift: Shift) -> bool:
        gate = self._catalogue.association.gate
        return any(self._residual(number, spot, shift) <= gate for spot in there)


def _own(sigma_m: float) -> float:
    return min(sigma_m, OWN_SIGMA_M)


def _own_spread(item: Observation) -> Covariance:
    return spread_of(along_m=_own(item.along_m), across_m=_own(item.across_m), heading_deg=item.heading_deg)


def _shared_spread(item: Observation) -> Covariance | None:
    """What is left of its error when its own part is taken off; none when nothing is."""
    along_2, across_2 = item.along_m**2 - OWN_SIGMA_M**2, item.across_m**2 - OWN_SIGMA_M**2
    if along_2 <= 0 and across_2 <= 0:
        return None
    return spread_of(
        along_m=math.sqrt(max(along_2, 0.01)), across_m=math.sqrt(max(across_2, 0.01)), heading_deg=item.heading_deg
    )
