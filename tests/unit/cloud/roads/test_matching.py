import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.roads.matching import Position, match_place, match_track, stays
from cloud.roads.network import Network, NetworkSegment
from cloud.roads.plane import FlatMap

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
PLANE = FlatMap(origin_lon=120.4, origin_lat=27.5)

Spot = tuple[float, float]


def degrees(*spots_m: Spot) -> tuple[Spot, ...]:
    return tuple((round(lon, 9), round(lat, 9)) for lon, lat in PLANE.to_degrees(np.array(spots_m)).tolist())


def segment(name: str, *spots_m: Spot, is_oneway: bool = False) -> NetworkSegment:
    return NetworkSegment(id=name, line=degrees(*spots_m), is_oneway=is_oneway)


def track(*spots_m: Spot, heading_deg: float | None = None, every_s: float = 1.0) -> list[Position]:
    return [
        Position(at=AT + timedelta(seconds=every_s * n), lon=lon, lat=lat, accuracy_m=5.0, heading_deg=heading_deg)
        for n, (lon, lat) in enumerate(degrees(*spots_m))
    ]


def names(positions: Sequence[Position], *segments: NetworkSegment) -> list[str | None]:
    found = match_track(positions, Network(segments, PLANE))
    return [matched.segment_id if matched else None for matched in found]


EAST = [(10.0 * n, 0.0) for n in range(30)]
MAIN = [segment(f"main-{n}", (100.0 * n, 0), (100.0 * (n + 1), 0)) for n in range(3)]


def test_no_positions_and_no_roads() -> None:
    assert names([]) == []
    assert names(track((0, 0), (20, 0))) == [None, None]


def test_one_position_is_matched_with_the_nearest_road() -> None:
    assert names(track((50, 4)), *MAIN) == ["main-0"]


def test_position_far_from_every_road_is_nowhere() -> None:
    assert names(track((50, 300)), *MAIN) == [None]


def test_track_goes_from_segment_to_segment() -> None:
    assert names(track(*EAST, heading_deg=90), *MAIN)[5::10] == ["main-0", "main-1", "main-2"]


def test_parallel_road_that_leads_nowhere_is_not_jumped_to() -> None:
    """For 60 m the receiver is nearer to a parallel road 20 m away."""
    wandering = [(x, 13.0 if 100 < x < 160 else 0.0) for x, _ in EAST]
    parallel = segment("parallel", (0, 20), (300, 20))
    assert "parallel" not in names(track(*wandering, heading_deg=90), *MAIN, parallel)


def test_heading_tells_opposite_carriageways_apart() -> None:
    north, south = (
        segment("east", (0, 0), (300, 0), is_oneway=True),
        segment("west", (300, 10), (0, 10), is_oneway=True),
    )
    between = [(x, 6.0) for x, _ in EAST]
    assert set(names(track(*between, heading_deg=90), north, south)) == {"east"}
    assert set(names(track(*reversed(between), heading_deg=270), north, south)) == {"west"}


def test_opposite_carriageways_without_heading_follow_from_the_way_driven() -> None:
    east, west = (
        segment("east", (0, 0), (300, 0), is_oneway=True),
        segment("west", (300, 10), (0, 10), is_oneway=True),
    )
    assert set(names(track(*[(x, 6.0) for x, _ in EAST]), east, west)) == {"east"}


def test_side_street_is_not_taken_by_a_bus_that_passes_it() -> None:
    side = segment("side", (100, 0), (100, 80))
    assert "side" not in names(track(*EAST, heading_deg=90), *MAIN, side)


def test_bus_that_stands_stays_where_it_is() -> None:
    noise = [(50 + 3 * math.sin(n), 3 * math.cos(n)) for n in range(60)]
    assert set(names(track(*noise), *MAIN)) == {"main-0"}


def test_gap_in_the_track_begins_a_new_chain() -> None:
    first, second = track((10, 0), (40, 0)), track((210, 0), (240, 0))
    late = [Position(at=each.at + timedelta(hours=1), lon=each.lon, lat=each.lat, accuracy_m=5.0) for each in second]
    assert names([*first, *late], *MAIN) == ["main-0", "main-0", "main-2", "main-2"]


def test_stays_cover_the_segments_in_between() -> None:
    driven = stays(track((50, 0), (250, 0), every_s=20), Network(MAIN, PLANE))
    assert [(stay.segment_id, round(stay.from_m), round(stay.to_m)) for stay in driven] == [
        ("main-0", 50, 100),
        ("main-1", 0, 100),
        ("main-2", 0, 50),
    ]


def test_stays_against_the_line_are_told_along_the_line() -> None:
    (stay,) = stays(track((80, 0), (60, 0), (30, 0), heading_deg=270), Network(MAIN[:1], PLANE))
    assert (stay.way, round(stay.from_m), round(stay.to_m)) == (-1, 30, 80)


def test_place_goes_to_the_road_of_its_heading() -> None:
    cross = segment("cross", (50, -50), (50, 50))
    network = Network([MAIN[0], cross], PLANE)
    (place,) = track((53, 5), heading_deg=90)
    found = match_place(place, network)
    assert found is not None
    assert found.segment_id == "main-0"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4)), min_size=30, max_size=30),
    st.booleans(),
)
def test_noise_of_a_few_metres_never_leaves_a_lonely_road(noise: list[Spot], is_back: bool) -> None:  # noqa: FBT001
    spots = [(x + dx, dy) for (x, _), (dx, dy) in zip(EAST, noise, strict=True)]
    found = stays(track(*(reversed(spots) if is_back else spots)), Network(MAIN, PLANE))
    assert {stay.segment_id for stay in found} == {"main-0", "main-1", "main-2"}
    assert {stay.way for stay in found} == {-1 if is_back else 1}
    assert all(0 <= stay.from_m <= stay.to_m <= 100.001 for stay in found)


@pytest.mark.parametrize("at_most_m", [10.0, 1000.0])
def test_way_is_the_shortest_or_none(at_most_m: float) -> None:
    network = Network(MAIN, PLANE)
    (start,), (end,) = (
        [foot for foot in feet if foot.lane.way == 1]
        for feet in network.feet(np.array([[50.0, 0.0], [250.0, 0.0]]), np.array([5.0, 5.0]))
    )
    assert network.drive_m(start, end, at_most_m=at_most_m) == pytest.approx(200.0 if at_most_m > 200 else math.inf)
