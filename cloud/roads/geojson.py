"""Read a road network from GeoJSON (RFC 7946)."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud.errors import RoadsError
from cloud.roads.model import Road, Surface
from wire.units import Lat, Lon

_MAX_BYTES: Final = 512 * 1024 * 1024

# A height behind lon and lat is let through and not kept.
Place = Annotated[tuple[Lon, Lat] | tuple[Lon, Lat, float], Field(union_mode="left_to_right")]
Line = Annotated[list[Place], Field(min_length=2, max_length=100_000)]


class _LineString(BaseModel):
    type: Literal["LineString"]
    coordinates: Line

    def lines(self) -> list[list[Any]]:
        return [self.coordinates]


class _MultiLineString(BaseModel):
    type: Literal["MultiLineString"]
    coordinates: list[Line]

    def lines(self) -> list[list[Any]]:
        return list(self.coordinates)


class _Feature(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    type: Literal["Feature"]
    id: Annotated[str, Field(max_length=200)] | None = None
    geometry: Annotated[_LineString | _MultiLineString, Field(discriminator="type")]
    properties: dict[str, Any] | None = None

    def roads(self) -> Iterator[Road]:
        properties = self.properties or {}
        lines = self.geometry.lines()
        for number, places in enumerate(lines):
            line = tuple((place[0], place[1]) for place in places)
            own_id = self.id if self.id is not None and len(lines) == 1 else _id_of(line)
            yield Road(
                id=own_id if number == 0 or self.id is None else _id_of(line),
                name=_text(properties.get("name")),
                kind=_text(properties.get("kind") or properties.get("highway")) or "road",
                line=line,
                lanes=int(lanes) if (lanes := _number(properties.get("lanes"), (1, 12))) else None,
                width_m=_number(properties.get("width_m"), (2.0, 60.0)),
                surface=_surface(properties.get("surface")),
                is_oneway=properties.get("oneway") in (True, "yes"),
                limit_mps=None if (limit := _number(properties.get("limit_kmh"), (5, 150))) is None else limit / 3.6,
            )


class _Collection(BaseModel):
    type: Literal["FeatureCollection"]
    features: list[_Feature]


def read_roads(path: Path) -> list[Road]:
    """Read a file.

    Raises:
        RoadsError: naming the feature that is wrong.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RoadsError(f"{path}: more than {_MAX_BYTES} bytes")
        collection = _Collection.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        raise RoadsError(f"{path}: {_describe(error)}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RoadsError(f"{path}: {error}") from error
    return [road for feature in collection.features for road in feature.roads()]


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _id_of(line: tuple[tuple[float, float], ...]) -> str:
    """A line without an id is known by its course, so that importing it again changes nothing."""
    return hashlib.sha256(json.dumps(line).encode()).hexdigest()[:32]


def _text(value: object) -> str | None:
    return value.replace("\x00", "")[:200] or None if isinstance(value, str) else None


def _number(value: Any, between: tuple[float, float]) -> float | None:  # noqa: ANN401 - out of JSON
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and between[0] <= value <= between[1] else None


def _surface(value: object) -> Surface:
    return "concrete" if isinstance(value, str) and value.startswith("concrete") else "asphalt"
