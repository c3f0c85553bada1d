"""A receiver's error: a slow wander of a few metres, jitter, and now and then a gap."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import GnssReading
from simulator.plane import Plane, Spot
from simulator.route import Pose

SIGMAS_68: Final = math.sqrt(-2 * math.log(1 - 0.68))
"""Of each axis, to the radius that holds 68 % of a two-dimensional normal error."""
STANDING_MPS = 0.3  # below, a receiver tells no course


@dataclass(frozen=True, slots=True, kw_only=True)
class GnssQuality:
    """How good a receiver is. The defaults are a plain receiver in a town with low houses."""

    wander_m: float = 1.5  # sigma of each axis ...
    wander_s: float = 60.0  # ... which forgets itself in this time
    jitter_m: float = 0.3
    speed_mps: float = 0.1
    heading_deg: float = 0.8
    gaps_per_hour: float = 12.0
    gap_s: tuple[float, float] = (1.5, 4.0)

    @property
    def accuracy_m(self) -> float:
        return math.hypot(self.wander_m, self.jitter_m) * SIGMAS_68


class Gnss:
    """One receiver on one bus."""

    def __init__(self, *, plane: Plane, rng: np.random.Generator, quality: GnssQuality | None = None) -> None:
        """Begin with an error that is already there."""
        self._plane, self._rng = plane, rng
        self._quality = quality or GnssQuality()
        self._wander_m = rng.normal(0, self._quality.wander_m, 2)
        self._gap_left_s = 0.0

    def fix(self, pose: Pose, *, at: datetime, elapsed_s: float) -> GnssReading | None:
        """Fix so long after the one before, or nothing in a gap."""
        sigma_m, forgets_s = self._quality.wander_m, self._quality.wander_s
        self._wander_m = wander(
            self._wander_m, elapsed_s=elapsed_s, sigma_m=sigma_m, forgets_s=forgets_s, rng=self._rng
        )
        if self._is_in_gap(elapsed_s):
            return None
        east_m, north_m = self._wander_m + self._rng.normal(0, self._quality.jitter_m, 2)
        lon, lat = self._plane.lon_lat(Spot(pose.spot.east_m + east_m, pose.spot.north_m + north_m))
        speed_mps = max(0.0, pose.speed_mps + self._rng.normal(0, self._quality.speed_mps))
        heading = (pose.heading_deg + self._rng.normal(0, self._quality.heading_deg)) % 360
        return GnssReading(
            at=at,
            lon=float(lon),
            lat=float(lat),
            speed_mps=float(speed_mps),
            heading_deg=float(heading) if pose.speed_mps > STANDING_MPS else None,
            accuracy_m=self._quality.accuracy_m,
        )

    def _is_in_gap(self, elapsed_s: float) -> bool:
        if self._gap_left_s <= 0 and self._rng.random() < self._quality.gaps_per_hour * elapsed_s / 3600:
            self._gap_left_s = self._rng.uniform(*self._quality.gap_s)
        self._gap_left_s -= elapsed_s
        return self._gap_left_s > 0


def wander(
    errors: NDArray[np.float64], *, elapsed_s: float, sigma_m: float, forgets_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Errors (..., 2) after some time: a first-order Gauss-Markov process, whose sigma does not depend on the step."""
    keep = math.exp(-elapsed_s / forgets_s)
    return keep * errors + math.sqrt(1 - keep**2) * rng.normal(0, sigma_m, errors.shape)
