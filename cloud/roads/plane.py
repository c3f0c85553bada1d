"""Metres on the earth around one place, for lines of a few kilometres."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (n, 2): lon, lat, or metres east and north

_EQUATOR_M: Final = 6_378_137.0  # WGS-84
_ECCENTRICITY_2: Final = 0.006_694_379_990_14
_PART_M: Final = 1_000.0
_LEAP_M: Final = 4_000.0  # farther than any bus drives between two positions that one drive explains


@lru_cache(maxsize=4096)  # the same few hundred places are asked about again and again
def metres_per_degree(lat: float) -> tuple[float, float]:
    """Length of one degree of longitude and of latitude.

    Source: Torge, Geodesy, 4th ed., section 4.1.3 (radii of curvature of the ellipsoid).
    """
    sine = math.sin(math.radians(lat))
    shrink = 1 - _ECCENTRICITY_2 * sine * sine
    across = _EQUATOR_M / math.sqrt(shrink)
    along = _EQUATOR_M * (1 - _ECCENTRICITY_2) / shrink**1.5
    # At the poles a degree of longitude has no length; one millimetre keeps the way back defined.
    return max(math.radians(across * math.cos(math.radians(lat))), 1e-3), math.radians(along)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatMap:
    """Tangent plane at an origin."""

    origin_lon: float
    origin_lat: float

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Length of one degree of longitude and of latitude."""
        return metres_per_degree(self.origin_lat)

    def to_metres(self, lon_lat: Points) -> Points:
        """Metres east and north of the origin."""
        return (lon_lat - (self.origin_lon, self.origin_lat)) * self.metres_per_degree

    def to_degrees(self, metres: Points) -> Points:
        """Lon, lat of places in metres."""
        return metres / self.metres_per_degree + (self.origin_lon, self.origin_lat)


def map_around(lon_lat: Points) -> FlatMap:
    """Flat map whose origin lies in the middle of these places."""
    lon, lat = (lon_lat.min(axis=0) + lon_lat.max(axis=0)) / 2
    return FlatMap(origin_lon=float(lon), origin_lat=float(lat))


def length_m(line: Points) -> float:
    """Length of a line given in metres."""
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def boxes_along(track: Points) -> NDArray[np.float64]:
    """Boxes around the parts of a track in metres, each with the way to it from the part before.

    A position that no drive leads to is a part of its own, and the track goes on behind it.

    Returns:
        Shape (n, 2, 2): lower and upper corner of each box.
    """
    parts: list[list[list[float]]] = []
    for place in track.tolist():
        part = next((part for part in reversed(parts) if math.dist(part[-1], place) <= _LEAP_M), None)
        if part is None:
            parts.append([place])
        elif max(math.dist(part[0], part[-1]), math.dist(part[0], place)) > _PART_M:
            parts.append([part[-1], place])
        else:
            part.append(place)
    return np.array([(np.min(part, axis=0), np.max(part, axis=0)) for part in parts])
