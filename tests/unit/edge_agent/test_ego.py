from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.ego import EgoTrack, Offset, moved, offset_between, turn_between
from edge_agent.readings import FixQuality, GnssReading

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LON, LAT = 120.4, 27.5


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def fix(
    second: float,
    *,
    forward_m: float = 0.0,
    speed_mps: float | None = 10.0,
    heading_deg: float | None = 0.0,
    quality: FixQuality = FixQuality.GNSS,
) -> GnssReading:
    lon, lat = moved(lon=LON, lat=LAT, heading_deg=0, forward_m=forward_m, right_m=0)
    return GnssReading(
        at=at(second), lon=lon, lat=lat, speed_mps=speed_mps, heading_deg=heading_deg, accuracy_m=3, fix=quality
    )


def track(*fixes: GnssReading) -> EgoTrack:
    ego = EgoTrack()
    for each in fixes:
        ego.add(each)
    return ego


@given(
    lon=st.floats(-179.99, 179.99),
    lat=st.floats(-80, 80),
    heading_deg=st.floats(0, 359.9),
    forward_m=st.floats(-200, 200),
    right_m=st.floats(-200, 200),
)
def test_a_way_forth_and_measured_is_the_same_way(
    lon: float, lat: float, heading_deg: float, forward_m: float, right_m: float
) -> None:
    to_lon, to_lat = moved(lon=lon, lat=lat, heading_deg=heading_deg, forward_m=forward_m, right_m=right_m)
    offset = offset_between(lon=lon, lat=lat, to_lon=to_lon, to_lat=to_lat)
    assert offset.length_m == pytest.approx((forward_m**2 + right_m**2) ** 0.5, abs=0.05)


@pytest.mark.parametrize(
    ("lon", "lat", "to_lon", "to_lat", "metres"),
    [
        (0.0, 0.0, 1.0, 0.0, 111_319.49),
        (0.0, 0.0, 0.0, 1.0, 110_574.4),
        (120.0, 45.0, 121.0, 45.0, 78_846.8),
        (179.9999, 0.0, -179.9999, 0.0, 22.26),
    ],
    ids=["equator", "meridian", "45 degrees", "date line"],
)
def test_distances_of_the_ellipsoid(lon: float, lat: float, to_lon: float, to_lat: float, metres: float) -> None:
    assert offset_between(lon=lon, lat=lat, to_lon=to_lon, to_lat=to_lat).length_m == pytest.approx(metres, rel=1e-3)


@pytest.mark.parametrize(
    ("before", "after", "turn"), [(350, 10, 20), (10, 350, -20), (0, 180, 180), (90, 90, 0), (0, 90, 90)]
)
def test_turns_take_the_short_way(before: float, after: float, turn: float) -> None:
    assert turn_between(before, after) == turn


def test_a_state_between_two_fixes_lies_between_them() -> None:
    ego = track(fix(0, heading_deg=350), fix(1, forward_m=10, speed_mps=12, heading_deg=10)).state_at(at(0.25))
    assert ego is not None
    assert offset_between(lon=LON, lat=LAT, to_lon=ego.lon, to_lat=ego.lat).north_m == pytest.approx(2.5, abs=0.01)
    assert ego.speed_mps == pytest.approx(10.5)
    assert ego.heading_deg == pytest.approx(355)


@pytest.mark.parametrize(("before", "after", "half_way"), [(0.1, 359.9, 0.0), (1.1, 358.9, 0.0), (359.0, 0.5, 359.75)])
def test_a_heading_over_north_stays_below_360(before: float, after: float, half_way: float) -> None:
    ego = track(fix(0, heading_deg=before), fix(1, forward_m=10, heading_deg=after)).state_at(at(0.5))
    assert ego is not None
    assert 0.0 <= ego.heading_deg < 360.0
    assert turn_between(ego.heading_deg, half_way) == pytest.approx(0.0, abs=1e-9)


def test_a_gap_stays_a_gap() -> None:
    ego = track(fix(0), fix(1, forward_m=10), fix(9, forward_m=90))
    assert ego.state_at(at(5)) is None
    assert ego.state_at(at(1.5)) is not None
    assert ego.state_at(at(9)) is not None


def test_the_last_fix_carries_a_little_ahead_and_grows_vague() -> None:
    ego = track(fix(0), fix(1, forward_m=10))
    near, far = ego.state_at(at(1.2)), ego.state_at(at(2.0))
    assert near is not None
    assert far is not None
    assert offset_between(lon=LON, lat=LAT, to_lon=near.lon, to_lat=near.lat).north_m == pytest.approx(12, abs=0.01)
    assert 3 < near.accuracy_m < far.accuracy_m
    assert ego.state_at(at(3)) is None


def test_the_heading_is_held_while_the_bus_stands() -> None:
    ego = track(
        fix(0, heading_deg=90), fix(1, speed_mps=0.2, heading_deg=217), fix(2, speed_mps=0.0, heading_deg=33)
    ).state_at(at(2))
    assert ego is not None
    assert ego.heading_deg == 90


def test_a_bus_that_reverses_goes_on_looking_where_it_looked() -> None:
    ego = track(
        fix(0, forward_m=0.0, speed_mps=3.0, heading_deg=2),
        fix(1, forward_m=1.5, speed_mps=0.0, heading_deg=217),
        fix(2, forward_m=0.0, speed_mps=2.0, heading_deg=178),
        fix(3, forward_m=-2.0, speed_mps=2.0, heading_deg=181),
        fix(4, forward_m=-3.0, speed_mps=0.2, heading_deg=33),
        fix(5, forward_m=-1.0, speed_mps=3.0, heading_deg=3),
    )
    states = [ego.state_at(at(second)) for second in range(6)]
    assert [None if state is None else state.heading_deg for state in states] == [2, None, None, None, 1, 3]


def test_a_course_by_positions_alone_tells_a_reversing_bus_too() -> None:
    ways_m = [0.0, 4.0, 8.0, 4.5, 4.5]
    ego = track(
        *(fix(second, forward_m=way_m, speed_mps=None, heading_deg=None) for second, way_m in enumerate(ways_m))
    )
    assert ego.state_at(at(3)) is None
    stands = ego.state_at(at(4))
    assert stands is not None
    assert stands.heading_deg == pytest.approx(0, abs=0.01)


def test_who_drives_faster_than_any_bus_reverses_has_not_looked_ahead_before() -> None:
    ego = track(*(fix(second, forward_m=-second, speed_mps=2.0, heading_deg=180) for second in range(3)))
    ego.add(fix(3, forward_m=0.0, speed_mps=4.0, heading_deg=0))
    assert ego.state_at(at(3)) is None, "it may have backed out of the depot, or back into it now"
    ego.add(fix(4, forward_m=5.0, speed_mps=6.0, heading_deg=0))
    forward = ego.state_at(at(4))
    assert forward is not None
    assert forward.heading_deg == 0


@pytest.mark.parametrize(
    ("gap_s", "forward_m", "heading_deg"),
    [
        pytest.param(20.0, 2.0, 90.0, id="stood"),
        pytest.param(20.0, 4.0, None, id="went on"),
        pytest.param(90.0, 2.0, None, id="may have come back"),
    ],
)
def test_the_heading_is_held_over_a_gap_only_if_the_bus_stood(
    gap_s: float, forward_m: float, heading_deg: float | None
) -> None:
    ego = track(
        fix(0, heading_deg=90),
        fix(1, speed_mps=0.0, heading_deg=217),
        fix(1 + gap_s, forward_m=forward_m, speed_mps=0.3, heading_deg=33),
    )
    after = ego.state_at(at(1 + gap_s))
    assert (None if after is None else after.heading_deg) == heading_deg
    assert ego.state_at(at(1 + gap_s / 2)) is None, "a gap stays a gap"


def test_a_bus_that_never_moved_has_no_heading() -> None:
    assert track(fix(0, speed_mps=0.0), fix(1, speed_mps=0.1)).state_at(at(1)) is None


def test_speed_and_course_follow_from_positions_when_the_receiver_does_not_say() -> None:
    ego = track(
        fix(0, speed_mps=None, heading_deg=None), fix(1, forward_m=8, speed_mps=None, heading_deg=None)
    ).state_at(at(1))
    assert ego is not None
    assert ego.speed_mps == pytest.approx(8, abs=0.01)
    assert ego.heading_deg == pytest.approx(0, abs=0.01)


def test_a_jump_of_the_receiver_is_a_gap_and_no_speed() -> None:
    fixes = [fix(second, forward_m=10 * second, speed_mps=None, heading_deg=None) for second in range(3)]
    ego = track(*fixes, fix(3, forward_m=900, speed_mps=None, heading_deg=None))
    carried = ego.state_at(at(2.5))
    assert carried is not None
    assert (carried.lat, carried.speed_mps) == (pytest.approx(fix(0, forward_m=25).lat), pytest.approx(10))
    assert ego.state_at(at(3.1)) is None, "which way it goes is not known"
    ego.add(fix(4, forward_m=910, speed_mps=None, heading_deg=None))
    after = ego.state_at(at(4))
    assert after is not None
    assert (after.speed_mps, after.heading_deg) == (pytest.approx(10, abs=0.1), pytest.approx(0, abs=1))


def test_fixes_that_are_none_or_old_change_nothing() -> None:
    ego = track(fix(1, forward_m=10))
    ego.add(fix(0))
    ego.add(fix(2, quality=FixQuality.NONE))
    assert ego.latest_at == at(1)


def test_a_receiver_whose_clock_is_set_back_is_believed_again() -> None:
    years = 12 * 365 * 86_400.0
    ego = track(fix(years), fix(years + 1), fix(0), fix(1, forward_m=10, speed_mps=20))
    state = ego.state_at(at(0.5))
    assert state is not None
    assert state.speed_mps == pytest.approx(15)
    assert ego.latest_at == at(1)


def test_a_course_a_hair_west_of_north_is_below_360() -> None:
    assert Offset(north_m=1.0, east_m=-1e-18).course_deg == 0.0
