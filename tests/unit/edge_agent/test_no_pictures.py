import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from edge_agent.errors import ConfigurationError
from edge_agent.no_pictures import MARGIN_M, METRES_PER_DEGREE, NoPicturePlaces

LON, LAT = 120.4, 27.5
SQUARE = [[LON, LAT], [LON + 0.01, LAT], [LON + 0.01, LAT + 0.01], [LON, LAT + 0.01], [LON, LAT]]
EAST_M = METRES_PER_DEGREE * math.cos(math.radians(LAT))

numbers = st.floats(-400, 400)
places = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8)


@given(corners=places, at=st.tuples(numbers, numbers))
def test_it_agrees_with_a_geometry_library(corners: list[tuple[float, float]], at: tuple[float, float]) -> None:
    polygon = Polygon(corners)
    if not polygon.is_valid or polygon.area < 1:
        return
    distance_m = polygon.distance(Point(at))
    if abs(distance_m - MARGIN_M) < 1:
        return
    ring = np.array([(LON + east / EAST_M, LAT + north / METRES_PER_DEGREE) for east, north in [*corners, corners[0]]])
    found = NoPicturePlaces([ring]).is_near(lon=LON + at[0] / EAST_M, lat=LAT + at[1] / METRES_PER_DEGREE)
    assert found is (distance_m < MARGIN_M)


@pytest.mark.parametrize("east", [1.0, -1.0], ids=["place in the west", "place in the east"])
def test_a_place_just_over_the_180th_meridian_is_near(east: float) -> None:
    ring = np.array([(-179.9999, LAT), (-179.99, LAT), (-179.99, LAT + 0.01), (-179.9999, LAT)]) * (east, 1.0)
    assert NoPicturePlaces([ring]).is_near(lon=east * 179.9999, lat=LAT)
    assert not NoPicturePlaces([ring]).is_near(lon=east * 179.99, lat=LAT)


def test_a_place_as_wide_as_the_world_is_near_everywhere() -> None:
    ring = np.array([(-180.0, -90.0), (180.0, -90.0), (180.0, 90.0), (-180.0, 90.0), (-180.0, -90.0)])
    assert all(NoPicturePlaces([ring]).is_near(lon=lon, lat=LAT) for lon in (-180.0, -90.0, 0.0, LON, 180.0))


def test_without_places_every_picture_is_kept() -> None:
    assert not NoPicturePlaces().is_near(lon=LON, lat=LAT)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}},
        {"type": "FeatureCollection", "features": [{"type": "Polygon", "coordinates": [SQUARE]}]},
        {"type": "Polygon", "coordinates": [SQUARE, [[x, y] for x, y in SQUARE]]},
    ],
    ids=["polygon", "several", "feature", "collection", "hole"],
)
def test_places_are_read(tmp_path: Path, document: object) -> None:
    (tmp_path / "places.geojson").write_text(json.dumps(document))
    found = NoPicturePlaces.read(tmp_path / "places.geojson")
    assert found.is_near(lon=LON + 0.005, lat=LAT + 0.005)
    assert not found.is_near(lon=LON - 0.005, lat=LAT)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"type": "Point", "coordinates": [120, 27]}',
        '{"type": "Polygon", "coordinates": [[[120, 27], [121, 27]]]}',
        '{"type": "Polygon", "coordinates": [[[27, 120], [27, 121], [28, 121], [27, 120]]]}',
        '{"type": "Polygon", "coordinates": [["a"]]}',
        '{"type": "Polygon", "coordinates": []}',
    ],
)
def test_a_file_that_names_no_places_stops_the_bus_in_plain_words(tmp_path: Path, content: str) -> None:
    (tmp_path / "places.geojson").write_text(content)
    with pytest.raises(ConfigurationError, match=r"places\.geojson"):
        NoPicturePlaces.read(tmp_path / "places.geojson")


def test_a_file_that_is_not_there_stops_the_bus(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        NoPicturePlaces.read(tmp_path / "none.geojson")
