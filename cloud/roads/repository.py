"""Roads in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.roads.geojson import Road

_REPLACE: Final = """
INSERT INTO roads (id, name, kind, line, min_lon, min_lat, max_lon, max_lat)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT roads_pkey DO UPDATE SET
    name = EXCLUDED.name, kind = EXCLUDED.kind, line = EXCLUDED.line, min_lon = EXCLUDED.min_lon,
    min_lat = EXCLUDED.min_lat, max_lon = EXCLUDED.max_lon, max_lat = EXCLUDED.max_lat
"""
_IN_BOX: Final = """
SELECT id, name, kind, line FROM roads
WHERE box(point(min_lon, min_lat), point(max_lon, max_lat)) && box(point(%s, %s), point(%s, %s))
ORDER BY id LIMIT %s
"""
_EXTENT: Final = "SELECT min(min_lon), min(min_lat), max(max_lon), max(max_lat) FROM roads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where to look; it does not cross the antimeridian."""

    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoad:
    id: str
    name: str | None
    kind: str
    line: list[list[float]]  # [lon, lat]


def replace_roads(connection: Connection[Any], roads: Iterable[Road]) -> int:
    """Insert roads; those with a known id are replaced. Returns how many there were."""
    rows = [_row(road) for road in roads]
    with connection.cursor() as cursor:
        cursor.executemany(_REPLACE, rows)
    return len(rows)


async def roads_in_box(connection: AsyncConnection[Any], box: Box, *, limit: int) -> list[StoredRoad]:
    """Roads whose bounding box meets this one."""
    async with connection.cursor(row_factory=class_row(StoredRoad)) as cursor:
        await cursor.execute(_IN_BOX, (box.min_lon, box.min_lat, box.max_lon, box.max_lat, limit))
        return await cursor.fetchall()


async def extent_of_roads(connection: AsyncConnection[Any]) -> Box | None:
    """The box around all roads; none when there are none."""
    row = await (await connection.execute(_EXTENT)).fetchone()
    if row is None or row[0] is None:
        return None
    return Box(min_lon=row[0], min_lat=row[1], max_lon=row[2], max_lat=row[3])


def _row(road: Road) -> tuple[object, ...]:
    lons, lats = [lon for lon, _ in road.line], [lat for _, lat in road.line]
    return (road.id, road.name, road.kind, Jsonb(road.line), min(lons), min(lats), max(lons), max(lats))
