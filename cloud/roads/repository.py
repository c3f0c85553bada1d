"""Roads in the database, as they are read."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row

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
