from itertools import pairwise

import pytest

from simulator.city import ROWS, make_town, roads_geojson
from simulator.plane import distance_m


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_same_seed_lays_out_the_same_town(seed: int) -> None:
    assert make_town(seed) == make_town(seed)


def test_another_seed_lays_out_another_town() -> None:
    assert roads_geojson(make_town(0)) != roads_geojson(make_town(1))


def test_a_town_is_a_few_kilometres_across() -> None:
    spots = make_town(3).junctions.values()
    width_m = max(spot.east_m for spot in spots) - min(spot.east_m for spot in spots)
    assert 1500 < width_m < 4000


def test_blocks_are_as_long_as_blocks_are() -> None:
    town = make_town(3)
    lengths_m = [distance_m(town.junctions[a], town.junctions[b]) for a, b in town.blocks()]
    assert min(lengths_m) > 110
    assert max(lengths_m) < 400


def test_a_way_follows_streets() -> None:
    town = make_town(2)
    blocks = {frozenset(block) for block in town.blocks()}
    way = town.way([(0, 0), (5, 7), (10, 1)])
    assert way[0] == (0, 0)
    assert way[-1] == (10, 1)
    assert all(frozenset(step) in blocks for step in pairwise(way))


def test_roads_are_named_lines_near_the_towns_place() -> None:
    roads = roads_geojson(make_town(0))
    assert len(roads["features"]) >= ROWS
    assert len({road["id"] for road in roads["features"]}) == len(roads["features"])
    for road in roads["features"]:
        assert road["geometry"]["type"] == "LineString"
        assert road["properties"]["name"].endswith(("路", "街", "大道"))
        assert road["properties"]["name_en"].split()[-1] in {"Road", "Street", "Avenue"}
        for lon, lat in road["geometry"]["coordinates"]:
            assert 120.40 < lon < 120.45
            assert 27.50 < lat < 27.54


def test_a_part_of_the_town_has_the_streets_within_one_block() -> None:
    town = make_town(0)
    part = town.around([(5, 5)])
    assert part.junctions.keys() == {(column, row) for column in (4, 5, 6) for row in (4, 5, 6)}
    assert set(part.blocks()) == {block for block in town.blocks() if set(block) <= part.junctions.keys()}
    assert len({street.id for street in part.streets}) == len(part.streets)
