"""Names of stops, from GeoJSON points (RFC 7946)."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud.errors import TravelError
from wire.units import Lat, Lon

_MAX_BYTES: Final = 64 * 1024 * 1024
_INSERT: Final = """
INSERT INTO travel_stops (id, name, lon, lat) VALUES (%s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT travel_stops_pkey DO UPDATE SET name = EXCLUDED.name, lon = EXCLUDED.lon, lat = EXCLUDED.lat
"""
# A device that was connected before it was a stop: nobody wrote down that it is.
_NOTE_PRESENCE: Final = """
INSERT INTO stop_presence SELECT d.city, d.device, now(), d.presence
FROM devices d JOIN travel_stops s ON s.id = d.device
WHERE d.presence IS NOT NULL
    AND NOT EXISTS (SELECT FROM stop_presence p WHERE p.city = d.city AND p.device = d.device)
"""
Place = Annotated[tuple[Lon, Lat] | tuple[Lon, Lat, float], Field(union_mode="left_to_right")]


class _Point(BaseModel):
    type: Literal["Point"]
    coordinates: Place


class _Names(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=200)]


class _Feature(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    type: Literal["Feature"]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    geometry: _Point
    properties: _Names


class _Collection(BaseModel):
    type: Literal["FeatureCollection"]
    features: Annotated[list[_Feature], Field(max_length=200_000)]


def import_stops(connection: Connection[Any], path: Path) -> int:
    """Take the names of a file in the place of all that were there; returns how many.

    Raises:
        TravelError: it cannot be read, or a feature is no point with an id and a name.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise TravelError(f"{path}: at most {_MAX_BYTES} bytes are read")
        stops = _Collection.model_validate_json(path.read_bytes()).features
    except OSError as error:
        raise TravelError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TravelError(f"{path}: {where}: {first['msg']}") from error
    connection.execute("DELETE FROM travel_stops")
    for stop in stops:
        lon, lat = stop.geometry.coordinates[:2]
        connection.execute(_INSERT, (stop.id, stop.properties.name, lon, lat))
    connection.execute(_NOTE_PRESENCE)
    return len(stops)
