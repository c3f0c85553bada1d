from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.roads.model import JoinedRoad, Line, Road
from cloud.roads.plane import FlatMap, length_m, map_around
from cloud.roads.segments import SEGMENT_M, cut, inherit, join_roads

PLANE = FlatMap(origin_lon=120.4, origin_lat=27.5)


def line_of(*spots_m: tuple[float, float]) -> Line:
    return tuple((round(lon, 7), round(lat, 7)) for lon, lat in PLANE.to_degrees(np.array(spots_m)).tolist())


def road(road_id: str, *spots_m: tuple[float, float]) -> Road:
    return Road(id=road_id, name=None, kind="residential", line=line_of(*spots_m))


spots = st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000))
roads = st.lists(spots, min_size=2, max_size=12).map(lambda places: road("r", *places))


@settings(deadline=None)
@given(roads, st.data())
def test_segments_follow_each_other_and_are_the_whole_road(drawn: Road, data: st.DataObject) -> None:
    numbers = st.sets(st.integers(0, len(drawn.line) - 1))
    segments = cut(JoinedRoad(road=drawn, junctions=frozenset(data.draw(numbers))))

    for before, after in pairwise(segments):
        assert before.line[-1] == after.line[0]
    degrees = np.array(drawn.line)
    whole_m = length_m(map_around(degrees).to_metres(degrees))
    assert sum(segment.length_m for segment in segments) == pytest.approx(whole_m, rel=1e-3, abs=0.1)
    assert all(0 < segment.length_m <= 1.5 * SEGMENT_M + 0.1 for segment in segments)
    assert len({segment.id for segment in segments}) == len(segments)


def test_road_is_cut_where_it_meets_another() -> None:
    main, side = road("main", (0, 0), (60, 0), (120, 0)), road("side", (60, 0), (60, 40))
    first, second = (cut(joined) for joined in join_roads([main, side]))
    assert [round(segment.length_m) for segment in first] == [60, 60]
    assert [round(segment.length_m) for segment in second] == [40]


def test_place_of_one_road_is_no_junction() -> None:
    assert len(cut(JoinedRoad(road=road("a", (0, 0), (30, 1), (60, 0))))) == 1


@pytest.mark.parametrize(("metres", "count"), [(1, 1), (140, 1), (160, 2), (1000, 10)])
def test_parts_are_about_100_m(metres: float, count: int) -> None:
    assert len(cut(JoinedRoad(road=road("a", (0, 0), (metres, 0))))) == count


def test_road_without_length_has_no_segments() -> None:
    assert cut(JoinedRoad(road=road("a", (0, 0), (0, 0)))) == []


def test_same_road_has_the_same_ids_each_time() -> None:
    first, again = (cut(JoinedRoad(road=road("a", (0, 0), (500, 20)))) for _ in range(2))
    assert first == again


def test_redrawn_road_hands_its_ids_on() -> None:
    old = cut(JoinedRoad(road=road("a", (0, 0), (300, 0))))
    new = cut(JoinedRoad(road=road("b", (0, 4), (302, 4))))
    assert inherit(old, new) == {fresh.course: gone.id for gone, fresh in zip(old, new, strict=True)}


def test_road_elsewhere_inherits_nothing() -> None:
    old = cut(JoinedRoad(road=road("a", (0, 0), (300, 0))))
    assert inherit(old, cut(JoinedRoad(road=road("a", (0, 40), (300, 40))))) == {}
    assert inherit(old, []) == inherit([], old) == {}


def test_each_old_segment_is_inherited_once_by_the_closest() -> None:
    old = cut(JoinedRoad(road=road("a", (0, 0), (100, 0))))
    near, nearer = (cut(JoinedRoad(road=road(name, (0, y), (100, y)))) for name, y in (("b", 8.0), ("c", 2.0)))
    assert inherit(old, [*near, *nearer]) == {nearer[0].course: old[0].id}


def test_course_tells_roads_apart() -> None:
    drawn = road("a", (0, 0), (50, 0))
    assert cut(JoinedRoad(road=drawn))[0].id != cut(JoinedRoad(road=replace(drawn, id="b")))[0].id
