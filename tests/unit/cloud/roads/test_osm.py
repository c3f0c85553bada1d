from pathlib import Path

import pytest

from cloud.errors import RoadsError
from cloud.roads.files import open_roads
from cloud.roads.model import JoinedRoad
from cloud.roads.osm import lanes_of, surface_of, width_of

HEAD = '<?xml version="1.0"?><osm version="0.6">'
NODES = "".join(f'<node id="{n}" version="1" lat="27.{500 + n}" lon="120.4"/>' for n in range(1, 6))


def way(number: int, nodes: str, **tags: str) -> str:
    refs = "".join(f'<nd ref="{node}"/>' for node in nodes.split())
    texts = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
    return f'<way id="{number}" version="1">{refs}{texts}</way>'


def read(folder: Path, *ways: str) -> list[JoinedRoad]:
    path = folder / "town.osm"
    path.write_text(f"{HEAD}{NODES}{''.join(ways)}</osm>")
    count, roads = open_roads(path)
    found = list(roads)
    assert len(found) == count
    return found


def test_road_with_what_is_known_of_it(tmp_path: Path) -> None:
    (joined,) = read(
        tmp_path,
        way(
            7,
            "1 2 3",
            highway="primary",
            name="玉苍路",
            lanes="4",
            width="14 m",
            surface="concrete:plates",
            oneway="yes",
        ),
    )
    road = joined.road
    assert (road.id, road.name, road.kind) == ("way/7", "玉苍路", "primary")
    assert (road.lanes, road.width_m, road.surface, road.is_oneway) == (4, 14.0, "concrete", True)
    assert road.line[0] == pytest.approx((120.4, 27.501))


def test_junctions_are_the_nodes_that_roads_share(tmp_path: Path) -> None:
    first, second = read(tmp_path, way(1, "1 2 3", highway="primary"), way(2, "2 4", highway="residential"))
    assert (first.junctions, second.junctions) == ({1}, {0})


def test_footway_makes_no_junction(tmp_path: Path) -> None:
    (road,) = read(tmp_path, way(1, "1 2 3", highway="primary"), way(2, "2 4", highway="footway"))
    assert road.junctions == frozenset()


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "footway"},
        {"highway": "construction"},
        {"highway": "service", "service": "parking_aisle"},
        {"highway": "residential", "access": "private"},
        {"highway": "pedestrian", "area": "yes"},
        {"building": "yes"},
    ],
    ids=str,
)
def test_where_no_bus_drives_is_left_out(tmp_path: Path, tags: dict[str, str]) -> None:
    assert read(tmp_path, way(1, "1 2", **tags)) == []


@pytest.mark.parametrize("tags", [{"bus": "yes"}, {"bus": "designated"}, {"psv": "designated"}], ids=str)
def test_a_road_for_buses_alone_is_a_road(tmp_path: Path, tags: dict[str, str]) -> None:
    assert read(tmp_path, way(1, "1 2", highway="busway", access="no", **tags))


def test_oneway_against_the_line_turns_it_round(tmp_path: Path) -> None:
    (joined,) = read(tmp_path, way(1, "1 2 3", highway="primary", oneway="-1"))
    assert joined.road.line[0][1] == pytest.approx(27.503)
    assert joined.road.is_oneway


@pytest.mark.parametrize("tags", [{"junction": "roundabout", "highway": "primary"}, {"highway": "motorway"}], ids=str)
def test_roundabouts_and_motorways_are_one_way(tmp_path: Path, tags: dict[str, str]) -> None:
    assert read(tmp_path, way(1, "1 2", **tags))[0].road.is_oneway


@pytest.mark.parametrize(
    ("tags", "driven"),
    [
        ({"oneway": "yes", "oneway:bus": "no"}, (False, 27.501)),
        ({"oneway": "-1", "oneway:psv": "no"}, (False, 27.501)),
        ({"junction": "roundabout", "oneway:psv": "no"}, (False, 27.501)),
        ({"oneway:bus": "yes"}, (True, 27.501)),
        ({"oneway": "yes", "oneway:psv": "no", "oneway:bus": "-1"}, (True, 27.503)),
    ],
    ids=str,
)
def test_what_is_said_of_buses_decides_in_which_direction_a_road_is_driven(
    tmp_path: Path, tags: dict[str, str], driven: tuple[bool, float]
) -> None:
    (joined,) = read(tmp_path, way(1, "1 2 3", highway="primary", **tags))
    assert (joined.road.is_oneway, joined.road.line[0][1]) == pytest.approx(driven)


def test_node_outside_the_extract_is_left_out(tmp_path: Path) -> None:
    (joined,) = read(tmp_path, way(1, "1 99 3", highway="primary"))
    assert len(joined.road.line) == 2


def test_file_that_is_no_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "town.osm.pbf"
    path.write_bytes(b"not a map")
    with pytest.raises(RoadsError, match=r"town\.osm\.pbf"):
        open_roads(path)


@pytest.mark.parametrize(
    ("text", "lanes"), [("2", 2), ("0", None), ("99", None), ("2;3", None), ("²", None), (None, None)]
)
def test_lanes(text: str | None, lanes: int | None) -> None:
    assert lanes_of(text) == lanes


@pytest.mark.parametrize(("text", "width_m"), [("7", 7.0), ("7.5 m", 7.5), ("0", None), ("nan", None), ("20'", None)])
def test_widths(text: str, width_m: float | None) -> None:
    assert width_of(text) == width_m


@pytest.mark.parametrize(
    ("text", "surface"),
    [(None, "asphalt"), ("paved", "asphalt"), ("concrete", "concrete"), ("concrete:lanes", "concrete")],
)
def test_surfaces(text: str | None, surface: str) -> None:
    assert surface_of(text) == surface


@pytest.mark.data
def test_real_extract_has_its_roads(data_folder: Path) -> None:
    count, roads = open_roads(data_folder / "city" / "porto.osm.pbf")
    assert count > 40_000
    assert next(roads).road.id.startswith("way/")
