"""A county's list of street furniture."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.errors import FurnitureError
from cloud.furniture.features import MAX_BYTES, MAX_FEATURES, Feature, Refused, read_features, read_file
from cloud.scenarios.street_furniture.kinds import load_kinds

KINDS = load_kinds()


def thing(lon: object = 120.4, lat: object = 27.5, **properties: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"kind": "SIGN"} | properties,
    }


def read(*items: object) -> list[Feature | Refused]:
    document = json.dumps({"type": "FeatureCollection", "features": items}).encode()
    return list(read_features(document, kinds=KINDS, what="list"))


def test_thing_is_read_with_all_that_it_tells() -> None:
    (found,) = read(thing(id="S-17", name="Stop", faces_deg=360.0, accuracy_m=0.5, kind=" sign "))
    assert found == Feature(
        number=1, kind="SIGN", lon=120.4, lat=27.5, accuracy_m=0.5, reference="S-17", name="Stop", faces_deg=0.0
    )


def test_names_are_written_with_plain_spaces() -> None:
    (found,) = read(thing(name=" 公交\u3000站\u00a0牌\t", id="A\u30001"))
    assert isinstance(found, Feature)
    assert (found.name, found.reference) == ("公交 站 牌", "A 1")


def test_cover_has_the_code_of_the_datasets() -> None:
    (found,) = read(thing(kind="cover"))
    assert isinstance(found, Feature)
    assert found.kind == "D50"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (thing(kind="TREE"), "kind: 'TREE' is none of SIGN, RAIL, POLE, D50, HYDRANT, BIN"),
        (thing(lon=200), "longitude: 200 is no number from -180 to 180"),
        (thing(lat="27\x00\ud800"), "latitude: '27\\x00\\ud800' is no number from -90 to 90"),
        (thing(lat="27.5"), "latitude: '27.5' is no number from -90 to 90"),
        (thing(lat=True), "latitude: True is no number from -90 to 90"),
        (thing(lat=float("nan")), "latitude: nan is no number from -90 to 90"),
        (thing(lat=10**400), f"latitude: 1{'0' * 39} is no number from -90 to 90"),
        (thing(accuracy_m=0), "accuracy_m: 0 is no number from 0.1 to 20"),
        (thing(faces_deg=-1), "faces_deg: -1 is no number from 0 to 360"),
        (thing(id=""), "id: '' is no text of 1 to 120 characters"),
        (thing(name="a\nb"), "name: 'a\\nb' is no text of 1 to 120 characters"),
        (thing(name="a\ud800"), "name: 'a\\ud800' is no text of 1 to 120 characters"),
        ({"type": "Feature", "geometry": {"type": "LineString", "coordinates": []}}, "geometry: a Point is expected"),
        ({"geometry": {"type": "Point", "coordinates": [1]}}, "geometry: a Point has longitude and latitude"),
        (None, "geometry: a Point is expected"),
    ],
)
def test_what_is_wrong_with_a_feature_is_said_and_costs_no_other(item: object, reason: str) -> None:
    refused, good = read(item, thing())
    assert isinstance(refused, Refused)
    assert (refused.number, refused.reason) == (1, reason)
    assert refused.feature.encode()  # no half of a letter, which no database takes
    assert isinstance(good, Feature)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"type": "FeatureCollection"}', b"\xff", b"[" * 100_000])
def test_what_is_no_collection_is_refused_whole(content: bytes) -> None:
    with pytest.raises(FurnitureError, match="list"):
        read_features(content, kinds=KINDS, what="list")


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "list.geojson"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # no byte of it is on the disk
    with pytest.raises(FurnitureError, match=f"at most {MAX_BYTES} are taken"):
        read_file(path, kinds=KINDS)


def test_too_many_features_are_refused() -> None:
    with pytest.raises(FurnitureError, match=f"has {MAX_FEATURES + 1} features"):
        read(*[None] * (MAX_FEATURES + 1))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.lists(json_values, max_size=5))
def test_no_feature_whatever_breaks_the_list(items: list[object]) -> None:
    found = read(*items)
    assert [each.number for each in found] == list(range(1, len(items) + 1))
