import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.findings.geometry import (
    angle_between_deg,
    covariances_of,
    metres_between,
    place_at,
    sigma_m,
    spread_of,
)
from cloud.findings.model import Covariance
from cloud.roads.plane import metres_per_degree


def test_degree_has_the_published_length_at_the_equator() -> None:
    east_m, north_m = metres_per_degree(0.0)

    assert east_m == pytest.approx(111_319.5, abs=0.1)
    assert north_m == pytest.approx(110_574.3, abs=0.1)


def test_error_along_a_bus_to_the_east_is_an_error_to_the_east() -> None:
    covariance = spread_of(along_m=3.0, across_m=1.0, heading_deg=90.0)

    assert covariance.east_m2 == pytest.approx(9.0)
    assert covariance.north_m2 == pytest.approx(1.0)
    assert covariance.east_north_m2 == pytest.approx(0.0, abs=1e-9)


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.floats(0.1, 50), st.floats(0.1, 50), st.floats(0, 359.9))
def test_worst_sigma_is_the_larger_of_along_and_across(along_m: float, across_m: float, heading_deg: float) -> None:
    covariance = spread_of(along_m=along_m, across_m=across_m, heading_deg=heading_deg)

    assert sigma_m(covariance) == pytest.approx(max(along_m, across_m), rel=1e-6)


def test_many_covariances_at_once_are_those_of_each() -> None:
    along_m, across_m, heading_deg = np.array([[3.0, 0.5], [1.0, 2.0], [90.0, 30.0]])

    both = covariances_of(along_m=along_m, across_m=across_m, heading_deg=heading_deg)

    for number in range(2):
        one = spread_of(along_m=along_m[number], across_m=across_m[number], heading_deg=heading_deg[number])
        expected = [[one.east_m2, one.east_north_m2], [one.east_north_m2, one.north_m2]]
        assert both[number] == pytest.approx(np.array(expected))


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(-900, 900), st.floats(-900, 900))
def test_place_and_offset_are_inverse_even_at_the_date_line(
    lon: float, lat: float, east_m: float, north_m: float
) -> None:
    far_lon, far_lat = place_at(np.array([east_m, north_m]), origin_lon=lon, origin_lat=lat)
    back = metres_between(lon=far_lon, lat=far_lat, origin_lon=lon, origin_lat=lat)

    assert back == pytest.approx(np.array([east_m, north_m]), abs=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(0, 0, 0), (350, 10, 20), (10, 350, 20), (0, 180, 180), (90, 270, 180)]
)
def test_angle_between_headings_goes_the_short_way(first: float, second: float, expected: float) -> None:
    assert angle_between_deg(first, second) == expected


def test_round_error_has_the_same_sigma_everywhere() -> None:
    assert sigma_m(Covariance(east_m2=4.0, east_north_m2=0.0, north_m2=4.0)) == math.sqrt(4.0)
