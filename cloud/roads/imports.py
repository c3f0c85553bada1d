"""Bring a road network into the database: roads, and the segments they are cut into."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from psycopg import Connection, Cursor
from psycopg.types.json import Jsonb

from cloud.db.value import fetch_value
from cloud.roads.model import JoinedRoad, Line, Road, Segment
from cloud.roads.segments import cut, inherit

_BATCH: Final = 500  # roads in memory

_PREPARE: Final = """
CREATE TEMPORARY TABLE imported_segments (
    id text, course text PRIMARY KEY, road_id text, line jsonb, length_m float8,
    min_lon float8, min_lat float8, max_lon float8, max_lat float8) ON COMMIT DROP
"""
_REPLACE_ROAD: Final = """
INSERT INTO roads (id, name, kind, line, min_lon, min_lat, max_lon, max_lat, lanes, width_m, surface, is_oneway,
    limit_mps)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT roads_pkey DO UPDATE SET
    name = EXCLUDED.name, kind = EXCLUDED.kind, line = EXCLUDED.line, min_lon = EXCLUDED.min_lon,
    min_lat = EXCLUDED.min_lat, max_lon = EXCLUDED.max_lon, max_lat = EXCLUDED.max_lat, lanes = EXCLUDED.lanes,
    width_m = EXCLUDED.width_m, surface = EXCLUDED.surface, is_oneway = EXCLUDED.is_oneway,
    limit_mps = EXCLUDED.limit_mps
"""
_NOTE_SEGMENT: Final = """
INSERT INTO imported_segments VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_RETIRE: Final = """
UPDATE segments s SET retired_at = %(at)s
WHERE retired_at IS NULL AND s.road_id IN (SELECT road_id FROM imported_segments)
    AND NOT EXISTS (SELECT FROM imported_segments i WHERE i.course = s.course)
RETURNING id, course, road_id, line, length_m
"""
_REVIVE: Final = """
UPDATE segments s SET retired_at = NULL FROM imported_segments i
WHERE i.course = s.course AND s.retired_at IS NOT NULL
"""
_FRESH: Final = """
SELECT id, course, road_id, line, length_m FROM imported_segments i
WHERE NOT EXISTS (SELECT FROM segments s WHERE s.course = i.course)
"""
_REDRAW: Final = """
UPDATE segments s SET course = i.course, road_id = i.road_id, line = i.line, length_m = i.length_m,
    min_lon = i.min_lon, min_lat = i.min_lat, max_lon = i.max_lon, max_lat = i.max_lat, retired_at = NULL
FROM imported_segments i WHERE i.course = %s AND s.id = %s
"""
# A segment that crept away by redrawing has kept the id of the course that it had first.
_ADD: Final = """
INSERT INTO segments (id, course, road_id, line, length_m, min_lon, min_lat, max_lon, max_lat)
SELECT CASE WHEN EXISTS (SELECT FROM segments o WHERE o.id = i.id) THEN left(md5(id || %(at)s::text), 20) ELSE id END,
    course, road_id, line, length_m, min_lon, min_lat, max_lon, max_lat FROM imported_segments i
WHERE NOT EXISTS (SELECT FROM segments s WHERE s.course = i.course)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did."""

    roads: int
    segments: int  # of these roads
    added: int
    redrawn: int  # known segments whose line changed a little
    retired: int

    @property
    def is_change(self) -> bool:
        """Whether places may lie on other segments now."""
        return self.added + self.redrawn + self.retired > 0


def import_roads(connection: Connection[Any], roads: Iterable[JoinedRoad], *, at: datetime) -> Imported:
    """Insert roads with their segments, in one transaction; those with a known id are replaced.

    Roads that are not among them stay, so that a network may come in several files. The history of a segment that
    is found again, even drawn a little differently, goes on; one that is not is retired.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        count, waiting = 0, iter(roads)
        while batch := list(islice(waiting, _BATCH)):
            count += len(batch)
            _write(cursor, batch)
        return _merge(cursor, roads=count, at=at)


def _write(cursor: Cursor[Any], batch: Sequence[JoinedRoad]) -> None:
    drawn = [joined for joined in batch if len(joined.road.line) > 1]
    cursor.executemany(_REPLACE_ROAD, [_road_row(joined.road) for joined in drawn])
    cursor.executemany(_NOTE_SEGMENT, [_segment_row(segment) for joined in drawn for segment in cut(joined)])


def _merge(cursor: Cursor[Any], *, roads: int, at: datetime) -> Imported:
    """Make the segments what was imported, keeping each that is known."""
    count = _count(cursor)
    gone = list(_segments(cursor.execute(_RETIRE, {"at": at})))
    cursor.execute(_REVIVE)
    fresh = list(_segments(cursor.execute(_FRESH))) if gone else []
    inherited = inherit(gone, fresh)
    cursor.executemany(_REDRAW, list(inherited.items()))
    added = cursor.execute(_ADD, {"at": at}).rowcount
    return Imported(
        roads=roads, segments=count, added=added, redrawn=len(inherited), retired=len(gone) - len(inherited)
    )


def _count(cursor: Cursor[Any]) -> int:
    return fetch_value(cursor.connection, "SELECT count(*) FROM imported_segments")


def _segments(cursor: Cursor[Any]) -> Iterator[Segment]:
    for segment_id, course, road_id, line, metres in cursor:
        places = tuple((lon, lat) for lon, lat in line)
        yield Segment(id=segment_id, course=course, road_id=road_id, line=places, length_m=metres)


def _road_row(road: Road) -> tuple[object, ...]:
    about = (road.lanes, road.width_m, road.surface, road.is_oneway, road.limit_mps)
    return (road.id, road.name, road.kind, Jsonb(road.line), *_box(road.line), *about)


def _segment_row(segment: Segment) -> tuple[object, ...]:
    line = Jsonb(segment.line)
    return (segment.id, segment.course, segment.road_id, line, segment.length_m, *_box(segment.line))


def _box(line: Line) -> tuple[float, float, float, float]:
    lons, lats = zip(*line, strict=True)
    return min(lons), min(lats), max(lons), max(lats)
