"""A finding at one point of the replay: what it is made of so far, and where that puts it."""

import math
from collections.abc import Sequence
from typing import Final

from cloud.findings.associate import MAX_REACH_M, Known
from cloud.findings.decisions import Decisions
from cloud.findings.fuse import COMMON_SIGMA_M, MIN_SIGMA_M, RECENT_PASSES, class_of
from cloud.findings.geometry import offset_m, spread_of
from cloud.findings.model import Covariance, Observation
from cloud.findings.passes import is_same_pass
from cloud.roads.plane import metres_per_degree

_NEAR_M: Final = 2 * MAX_REACH_M
_SECTOR_DEG: Final = 45.0

Thing = tuple[Observation, ...]  # what one pass saw of it, the surest first


class Growing:
    """Things that passes saw, with the running sums of an inverse-variance mean."""

    def __init__(self, number: int, first: Thing) -> None:
        self.number = number
        self.things: list[Thing] = []
        self._origin = first[0]
        self._information = (0.0, 0.0, 0.0)  # east, shared, north
        self._pull = (0.0, 0.0)
        self._sectors: set[float] = set()
        self.take(first)

    @property
    def observations(self) -> Thing:
        """All that it is made of."""
        return tuple(item for thing in self.things for item in thing)

    def take(self, thing: Thing) -> None:
        """Add what one pass saw of it."""
        best = thing[0]
        self.things.append(thing)
        self._sectors.add(round(best.heading_deg / _SECTOR_DEG) * _SECTOR_DEG % 360)
        a, b, d = _inverse(spread_of_pass(best))
        x, y = offset_m(lon=best.lon, lat=best.lat, origin_lon=self._origin.lon, origin_lat=self._origin.lat)
        self._information = (self._information[0] + a, self._information[1] + b, self._information[2] + d)
        self._pull = (self._pull[0] + a * x + b * y, self._pull[1] + b * x + d * y)

    def is_near(self, burst: Sequence[Observation]) -> bool:
        """Whether anything of a burst may be it."""
        per_lon, per_lat = metres_per_degree(self._origin.lat)
        east, north = _NEAR_M / per_lon, _NEAR_M / per_lat
        return any(
            abs(item.lon - self._origin.lon) <= east and abs(item.lat - self._origin.lat) <= north for item in burst
        )

    def known(self, burst: Sequence[Observation] = (), *, decisions: Decisions) -> Known:
        """What the association needs of it, before it knows of a burst."""
        east_2, shared, north_2 = _inverse(
            Covariance(east_m2=self._information[0], east_north_m2=self._information[1], north_m2=self._information[2])
        )
        per_lon, per_lat = metres_per_degree(self._origin.lat)
        x, y = self._pull
        last = [thing[0] for thing in self.things[-RECENT_PASSES:]]
        near = (item for thing in self.things[-2 * RECENT_PASSES :] for item in thing) if burst else ()
        return Known(
            id=str(self.number),
            class_code=class_of(last),
            lon=self._origin.lon + (east_2 * x + shared * y) / per_lon,
            lat=self._origin.lat + (shared * x + north_2 * y) / per_lat,
            covariance=Covariance(
                east_m2=east_2 + COMMON_SIGMA_M**2, east_north_m2=shared, north_m2=north_2 + COMMON_SIGMA_M**2
            ),
            heading_deg=self.things[0][0].heading_deg,
            other_headings_deg=tuple(sorted(self._sectors)),
            seen_by_pass=tuple(item for item in near if any(is_same_pass(item, other) for other in burst)),
            never=decisions.never_with(item.id for item in self.observations) if decisions.apart else frozenset(),
        )


def spread_of_pass(observation: Observation) -> Covariance:
    """How sure one pass places what it saw; a smaller error than that is not believed."""
    return spread_of(
        along_m=max(observation.along_m, MIN_SIGMA_M),
        across_m=max(observation.across_m, MIN_SIGMA_M),
        heading_deg=observation.heading_deg,
    )


def _inverse(matrix: Covariance) -> tuple[float, float, float]:
    determinant = matrix.east_m2 * matrix.north_m2 - matrix.east_north_m2**2
    if not math.isfinite(determinant) or determinant <= 0:
        raise ValueError(f"{matrix} is no covariance")
    return matrix.north_m2 / determinant, -matrix.east_north_m2 / determinant, matrix.east_m2 / determinant
