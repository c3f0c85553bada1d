import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.plane import Plane, Spot, ahead, distance_m, heading_deg, turn_deg

PLANE = Plane(origin_lon=120.4258, origin_lat=27.5184)
metres = st.floats(-3000, 3000)
angles = st.floats(0, 359.9)


@given(metres, metres)
def test_a_spot_comes_back_from_degrees(east_m: float, north_m: float) -> None:
    lon, lat = PLANE.lon_lat(Spot(east_m, north_m))
    assert distance_m(PLANE.spot(lon=lon, lat=lat), Spot(east_m, north_m)) < 1e-6


def test_a_degree_is_as_long_as_the_ellipsoid_says() -> None:
    """Tables of the WGS-84 ellipsoid at 27.5 degrees north: 110.80 km and 98.84 km."""
    spot = PLANE.spot(lon=121.4258, lat=28.5184)
    assert spot.north_m == pytest.approx(110_800, rel=1e-3)
    assert spot.east_m == pytest.approx(98_840, rel=1e-3)


@pytest.mark.parametrize(
    ("end", "heading"),
    [(Spot(0, 1), 0), (Spot(1, 0), 90), (Spot(0, -1), 180), (Spot(-1, 0), 270)],
    ids=["north", "east", "south", "west"],
)
def test_headings_turn_clockwise_from_north(end: Spot, heading: float) -> None:
    assert heading_deg(Spot(0, 0), end) == pytest.approx(heading)


@pytest.mark.parametrize(("before", "after", "turn"), [(350, 10, 20), (10, 350, -20), (90, 90, 0), (0, 180, -180)])
def test_a_turn_takes_the_short_way(before: float, after: float, turn: float) -> None:
    assert turn_deg(before, after) == pytest.approx(turn)


@given(angles)
def test_right_of_a_heading_is_a_quarter_turn_on(heading: float) -> None:
    right = ahead(Spot(0, 0), heading=heading, forward_m=0, right_m=5)
    assert turn_deg(heading, heading_deg(Spot(0, 0), right)) == pytest.approx(90, abs=1e-6)
