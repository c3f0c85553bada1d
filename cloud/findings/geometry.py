"""Metres around a place on the earth, and how sure a place is."""

import math

import numpy as np
from numpy.typing import NDArray

from cloud.findings.model import Covariance
from cloud.roads.plane import metres_per_degree

Vector = NDArray[np.float64]  # (2,) east, north
Matrix = NDArray[np.float64]  # (2, 2)
Floats = NDArray[np.float64]  # (n,)
Vectors = NDArray[np.float64]  # (n, 2)
Matrices = NDArray[np.float64]  # (n, 2, 2)


def offset_m(*, lon: float, lat: float, origin_lon: float, origin_lat: float) -> tuple[float, float]:
    """East and north of a place as seen from the origin; good to a millimetre within a kilometre."""
    east_m, north_m = metres_per_degree(origin_lat)
    return ((lon - origin_lon + 180) % 360 - 180) * east_m, (lat - origin_lat) * north_m


def metres_between(*, lon: float, lat: float, origin_lon: float, origin_lat: float) -> Vector:
    """The same as an array."""
    return np.array(offset_m(lon=lon, lat=lat, origin_lon=origin_lon, origin_lat=origin_lat))


def place_at(offset: Vector, *, origin_lon: float, origin_lat: float) -> tuple[float, float]:
    """Lon, lat of a place east and north of the origin."""
    east_m, north_m = metres_per_degree(origin_lat)
    lon = (origin_lon + float(offset[0]) / east_m + 180) % 360 - 180
    return lon, max(-90.0, min(90.0, origin_lat + float(offset[1]) / north_m))


def covariances_of(*, along_m: Floats, across_m: Floats, heading_deg: Floats) -> Matrices:
    """Covariances in east and north, (n, 2, 2), of errors (n,) along and across headings (clockwise from north)."""
    headings = np.radians(heading_deg)
    along = np.stack([np.sin(headings), np.cos(headings)], axis=1)
    across = np.stack([np.cos(headings), -np.sin(headings)], axis=1)
    return np.einsum("n,ni,nj->nij", along_m**2, along, along) + np.einsum("n,ni,nj->nij", across_m**2, across, across)


def spread_of(*, along_m: float, across_m: float, heading_deg: float) -> Covariance:
    """The same of one error; plain numbers, since it is asked for each pair of sightings."""
    sine, cosine = math.sin(math.radians(heading_deg)), math.cos(math.radians(heading_deg))
    along_2, across_2 = along_m * along_m, across_m * across_m
    return Covariance(
        east_m2=along_2 * sine * sine + across_2 * cosine * cosine,
        east_north_m2=(along_2 - across_2) * sine * cosine,
        north_m2=along_2 * cosine * cosine + across_2 * sine * sine,
    )


def mahalanobis_2(east_m: float, north_m: float, *spreads: Covariance) -> float:
    """Squared length of an offset in sigmas of the sum of independent errors."""
    east_2 = sum(spread.east_m2 for spread in spreads)
    north_2 = sum(spread.north_m2 for spread in spreads)
    shared = sum(spread.east_north_m2 for spread in spreads)
    return (north_2 * east_m * east_m - 2 * shared * east_m * north_m + east_2 * north_m * north_m) / (
        east_2 * north_2 - shared * shared
    )


def from_matrix(matrix: Matrix) -> Covariance:
    """Matrix as a covariance."""
    return Covariance(east_m2=float(matrix[0, 0]), east_north_m2=float(matrix[0, 1]), north_m2=float(matrix[1, 1]))


def sigma_m(covariance: Covariance) -> float:
    """One sigma in the worst direction."""
    half = (covariance.east_m2 + covariance.north_m2) / 2
    spread = math.hypot((covariance.east_m2 - covariance.north_m2) / 2, covariance.east_north_m2)
    return math.sqrt(half + spread)


def angle_between_deg(first_deg: float, second_deg: float) -> float:
    """Smaller angle between two headings, 0..180."""
    return abs((first_deg - second_deg + 180) % 360 - 180)


def distance_m(*, lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places that are not far apart."""
    return float(np.hypot(*metres_between(lon=lon, lat=lat, origin_lon=other_lon, origin_lat=other_lat)))
