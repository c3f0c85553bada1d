"""A county's list of street furniture: GeoJSON, read feature by feature; what is wrong with one is said in words."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from cloud.errors import FurnitureError
from cloud.scenarios.street_furniture.kinds import Kinds

MAX_BYTES: Final = 50_000_000
MAX_FEATURES: Final = 100_000
USUAL_ACCURACY_M: Final = 1.5
LEAST_ACCURACY_M, MOST_ACCURACY_M = 0.1, 20.0
_MAX_TEXT: Final = 120
_SPACES: Final = {0x3000: " ", 0x00A0: " "}  # a full-width one, and one that breaks no line
_OTHER_NAMES: Final = {"COVER": "D50", "MANHOLE": "D50"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing of the list."""

    number: int  # of the feature in its file, from 1 on
    kind: str
    lon: float
    lat: float
    accuracy_m: float
    reference: str | None
    name: str | None
    faces_deg: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A feature that cannot be taken, and why."""

    number: int
    reason: str
    feature: str


def read_file(path: Path, *, kinds: Kinds) -> list[Feature | Refused]:
    """Read a list.

    Raises:
        FurnitureError: the file cannot be read, is too large, or is no FeatureCollection.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FurnitureError(f"{path} has {size} bytes; at most {MAX_BYTES} are taken: split it")
        return list(read_features(path.read_bytes(), kinds=kinds, what=str(path)))
    except OSError as error:
        raise FurnitureError(f"{path} cannot be read: {error.strerror}") from error


def read_features(content: bytes, *, kinds: Kinds, what: str) -> Iterator[Feature | Refused]:
    """Read the features of a document that is named `what` in errors.

    Raises:
        FurnitureError: it is no FeatureCollection, or has too many features.
    """
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FurnitureError(f"{what} is no JSON: {error}") from error
    features = _mapping(document).get("features")
    if _mapping(document).get("type") != "FeatureCollection" or not isinstance(features, list):
        raise FurnitureError(f"{what} is no GeoJSON FeatureCollection")
    items = cast("list[object]", features)
    if len(items) > MAX_FEATURES:
        raise FurnitureError(f"{what} has {len(items)} features; at most {MAX_FEATURES} are taken: split it")
    return (_read(number, item, kinds) for number, item in enumerate(items, 1))


def refuse(feature: Feature, reason: str) -> Refused:
    """A feature that could be read and cannot be taken."""
    return Refused(number=feature.number, reason=reason, feature=f"{feature.kind} {feature.lon:.6f} {feature.lat:.6f}")


def within(features: Iterable[Feature | Refused], has_place: Callable[..., bool]) -> Iterator[Feature | Refused]:
    """Refuse what lies where somebody has no say."""
    for each in features:
        if isinstance(each, Refused) or has_place(lon=each.lon, lat=each.lat):
            yield each
        else:
            yield refuse(each, "geometry: outside of the areas of who brings this list")


def _read(number: int, item: object, kinds: Kinds) -> Feature | Refused:
    try:
        return _feature(number, item, kinds)
    except ValueError as error:
        told = json.dumps(item, ensure_ascii=False)[:2000].encode(errors="replace").decode()  # halves of letters too
        return Refused(number=number, reason=str(error), feature=told)


def _feature(number: int, item: object, kinds: Kinds) -> Feature:
    feature = _mapping(item)
    properties = _mapping(feature.get("properties"))
    lon, lat = _place(_mapping(feature.get("geometry")))
    reference = feature.get("id", properties.get("id"))
    return Feature(
        number=number,
        kind=_kind(properties.get("kind"), kinds),
        lon=lon,
        lat=lat,
        accuracy_m=_number(
            properties.get("accuracy_m", USUAL_ACCURACY_M), "accuracy_m", LEAST_ACCURACY_M, MOST_ACCURACY_M
        ),
        reference=None if reference is None else _text(reference, "id"),
        name=None if properties.get("name") is None else _text(properties["name"], "name"),
        faces_deg=None if properties.get("faces_deg") is None else _faces(properties["faces_deg"]),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _place(geometry: Mapping[str, Any]) -> tuple[float, float]:
    coordinates: object = geometry.get("coordinates")
    if geometry.get("type") != "Point" or not isinstance(coordinates, list):
        raise ValueError("geometry: a Point is expected")
    numbers = cast("list[object]", coordinates)
    if len(numbers) not in {2, 3}:
        raise ValueError("geometry: a Point has longitude and latitude")
    lon, lat = _number(numbers[0], "longitude", -180.0, 180.0), _number(numbers[1], "latitude", -90.0, 90.0)
    return lon, lat


def _kind(value: object, kinds: Kinds) -> str:
    code = value.strip().upper() if isinstance(value, str) else ""
    code = _OTHER_NAMES.get(code, code)
    if code not in kinds.kinds:
        raise ValueError(f"kind: {str(value)[:40]!r} is none of {', '.join(kinds.kinds)}")
    return code


def _number(value: object, name: str, least: float, most: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name}: {value!r:.40} is no number from {least:g} to {most:g}")
    return float(value)


def _faces(value: object) -> float:
    return _number(value, "faces_deg", 0.0, 360.0) % 360.0


def _text(value: object, name: str) -> str:
    text = str(value).translate(_SPACES).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text or len(text) > _MAX_TEXT or not text.isprintable():
        raise ValueError(f"{name}: {str(value)[:40]!r} is no text of 1 to {_MAX_TEXT} characters")
    return text
