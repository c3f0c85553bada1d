"""A flat map around one point: metres east and north instead of degrees."""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

EQUATOR_M: Final = 6_378_137.0  # WGS-84, semi-major axis
ECCENTRICITY_SQUARED: Final = 6.694_379_990_14e-3


class Spot(NamedTuple):
    """A point of the map."""

    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Tangent plane at an origin; good to centimetres over a few kilometres.

    Source: radii of curvature of the ellipsoid, Torge, Geodesy, 3rd ed., section 4.1.
    """

    origin_lon: float
    origin_lat: float

    @property
    def _metres_per_degree(self) -> tuple[float, float]:
        latitude = math.radians(self.origin_lat)
        root = math.sqrt(1 - ECCENTRICITY_SQUARED * math.sin(latitude) ** 2)
        across = EQUATOR_M / root * math.cos(latitude)
        along = EQUATOR_M * (1 - ECCENTRICITY_SQUARED) / root**3
        return math.radians(across), math.radians(along)

    def lon_lat(self, spot: Spot) -> tuple[float, float]:
        """Longitude and latitude of a point of the map."""
        per_lon, per_lat = self._metres_per_degree
        return self.origin_lon + spot.east_m / per_lon, self.origin_lat + spot.north_m / per_lat

    def spot(self, *, lon: float, lat: float) -> Spot:
        """Point of the map at a longitude and latitude."""
        per_lon, per_lat = self._metres_per_degree
        return Spot((lon - self.origin_lon) * per_lon, (lat - self.origin_lat) * per_lat)


def distance_m(a: Spot, b: Spot) -> float:
    return math.hypot(b.east_m - a.east_m, b.north_m - a.north_m)


def heading_deg(a: Spot, b: Spot) -> float:
    """Direction from a to b, clockwise from north, in 0..360."""
    return math.degrees(math.atan2(b.east_m - a.east_m, b.north_m - a.north_m)) % 360


def turn_deg(before_deg: float, after_deg: float) -> float:
    """Change of heading, right positive, in -180..180."""
    return (after_deg - before_deg + 180) % 360 - 180


def ahead(spot: Spot, *, heading: float, forward_m: float, right_m: float = 0.0) -> Spot:
    """Point so far forward and to the right of a spot that looks along a heading."""
    sine, cosine = math.sin(math.radians(heading)), math.cos(math.radians(heading))
    return Spot(
        spot.east_m + forward_m * sine + right_m * cosine,
        spot.north_m + forward_m * cosine - right_m * sine,
    )
