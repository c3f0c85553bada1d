import json
from pathlib import Path
from typing import Any

import pytest

from cloud.errors import RoadsError
from cloud.roads.geojson import read_roads
from cloud.roads.model import Road

LINE = [[120.0, 27.0], [120.1, 27.1]]


def feature(geometry: dict[str, Any], **members: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry, "properties": {"name": "Ring Road", "kind": "primary"}} | members


def read(folder: Path, *features: dict[str, object]) -> list[Road]:
    path = folder / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return read_roads(path)


def line(coordinates: object = LINE) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": coordinates}


def test_line_becomes_a_road(tmp_path: Path) -> None:
    assert read(tmp_path, feature(line(), id=7)) == [
        Road(id="7", name="Ring Road", kind="primary", line=((120.0, 27.0), (120.1, 27.1)))
    ]


def test_line_without_an_id_has_the_same_id_each_time(tmp_path: Path) -> None:
    first, again = read(tmp_path, feature(line())), read(tmp_path, feature(line()))
    assert first == again
    assert first[0].id != read(tmp_path, feature(line([[1, 2], [3, 4]])))[0].id


def test_several_lines_in_one_feature_become_several_roads(tmp_path: Path) -> None:
    lines = {"type": "MultiLineString", "coordinates": [LINE, [[1, 2], [3, 4]]]}
    roads = read(tmp_path, feature(lines, id="x"))
    assert len({road.id for road in roads}) == 2


def test_kind_may_come_from_openstreetmap_and_height_is_dropped(tmp_path: Path) -> None:
    (road,) = read(tmp_path, feature(line([[1, 2, 9.5], [3, 4, 9.5]]), properties={"highway": "residential"}))
    assert (road.kind, road.name, road.line) == ("residential", None, ((1.0, 2.0), (3.0, 4.0)))


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        pytest.param([[27.0, 120.0], [27.1, 120.1]], "features.0.geometry", id="lat before lon"),
        pytest.param([[120.0, 27.0]], "features.0.geometry", id="one place only"),
        pytest.param("here", "features.0.geometry", id="no places"),
    ],
)
def test_feature_that_is_wrong_is_named(tmp_path: Path, coordinates: object, message: str) -> None:
    with pytest.raises(RoadsError, match=message):
        read(tmp_path, feature(line(coordinates)))


@pytest.mark.parametrize("text", ["", "[]", '{"type": "Topology"}', "[" * 100_000])
def test_file_that_is_no_geojson_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roads.geojson"
    path.write_text(text)
    with pytest.raises(RoadsError, match=r"roads\.geojson"):
        read_roads(path)
