"""Many rows in one go: COPY into a temporary table, then insert what is not there yet.

A row that is there already changes nothing, so a message may come any number of times, to any number of ingesters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, AsyncCursor, postgres, pq, sql
from psycopg.adapt import Dumper
from typing_extensions import override

from cloud.observations.tables import TABLE_OF_KIND, Table, Values
from wire.messages import Kind

Connection = AsyncConnection[tuple[Any, ...]]
Cursor = AsyncCursor[tuple[Any, ...]]
Device = tuple[str, str]  # city, device

# Rows are inserted in the order of their ids: two ingesters that hold the same messages must not lock crosswise.
_INSERT_OBSERVATIONS: Final = """
WITH inserted AS (
    INSERT INTO observations SELECT * FROM staged_observations ORDER BY id ON CONFLICT DO NOTHING
    RETURNING id, id_at, city, device, class_code, observed_at, received_at, lon, lat, confidence, cell
), queued AS (
    INSERT INTO fusion_queue (kind, city, device, id, id_at, cell)
    SELECT 'observation', city, device, id, id_at, cell FROM inserted
), tallied AS (
    INSERT INTO tally_changes (subject, key, n)
    SELECT 'observation', '', count(*) FROM inserted HAVING count(*) > 0
)
INSERT INTO changes (kind, subject, payload)
SELECT 'observation', id::text, jsonb_build_object(
    'id', id, 'device', device, 'class_code', class_code, 'observed_at', observed_at, 'received_at', received_at,
    'lon', lon, 'lat', lat, 'confidence', confidence)
FROM inserted
"""
_INSERT_COVERAGES: Final = """
WITH inserted AS (
    INSERT INTO coverages SELECT * FROM staged_coverages ORDER BY id ON CONFLICT DO NOTHING
    RETURNING id, id_at, city, device, cell
)
INSERT INTO fusion_queue (kind, city, device, id, id_at, cell)
SELECT 'coverage', city, device, id, id_at, cell FROM inserted
"""
# Of a bus that was away for hours, live viewers get the newest 120 points.
_INSERT_TRACK_POINTS: Final = """
WITH inserted AS (
    INSERT INTO track_points SELECT * FROM staged_track_points ORDER BY id, number ON CONFLICT DO NOTHING
    RETURNING city, device, id, id_at, number, at, lon, lat, heading_deg, speed_mps
), queued AS (
    INSERT INTO driving_queue (kind, city, device, event_id, id_at)
    SELECT 'track', city, device, id, id_at FROM inserted
    GROUP BY city, device, id, id_at HAVING max(speed_mps) >= 0.5 -- who stands does not drive
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY city, device ORDER BY at DESC) AS age FROM inserted
)
SELECT city, device, jsonb_agg(
    jsonb_build_object('at', at, 'lon', lon, 'lat', lat, 'heading_deg', heading_deg, 'speed_mps', speed_mps)
    ORDER BY at) FILTER (WHERE age <= 120)::text, count(*) FILTER (WHERE number = 0)
FROM ranked GROUP BY city, device
"""
_INSERT_DRIVING_EVENTS: Final = """
WITH inserted AS (
    INSERT INTO driving_events SELECT * FROM staged_driving_events ORDER BY id ON CONFLICT DO NOTHING
    RETURNING city, device, id, id_at
)
INSERT INTO driving_queue (kind, city, device, event_id, id_at) SELECT 'event', city, device, id, id_at FROM inserted
"""
_INSERT_TAG_SIGHTINGS: Final = """
WITH inserted AS (
    INSERT INTO tag_sightings SELECT * FROM staged_tag_sightings ORDER BY id, number ON CONFLICT DO NOTHING
    RETURNING id_at, city, device, id, number
), queued AS (
    INSERT INTO travel_queue (id_at, city, device, id, number) SELECT id_at, city, device, id, number FROM inserted
)
SELECT FROM inserted WHERE number = 0
"""
_INSERT_MEASUREMENTS: Final = """
WITH inserted AS (
    INSERT INTO measurements SELECT * FROM staged_measurements ORDER BY id, number ON CONFLICT DO NOTHING
    RETURNING id_at, city, device, id, number, quantity
), queued AS (
    INSERT INTO measurement_queue (id_at, city, device, id)
    SELECT DISTINCT id_at, city, device, id FROM inserted WHERE quantity = 'water_level_m'
)
SELECT FROM inserted WHERE number = 0
"""
_INSERT_HEALTH_REPORTS: Final = """
INSERT INTO health_reports SELECT * FROM staged_health_reports ORDER BY id ON CONFLICT DO NOTHING
RETURNING city, device
"""
# Each touches one row for a message that was not there yet. Always in this order, for the same reason.
_PLAIN: Final[dict[Kind, LiteralString]] = {
    Kind.COVERAGE: _INSERT_COVERAGES,
    Kind.DRIVING: _INSERT_DRIVING_EVENTS,
    Kind.SIGHTING: _INSERT_TAG_SIGHTINGS,
    Kind.MEASUREMENT: _INSERT_MEASUREMENTS,
    Kind.DETECTION: _INSERT_OBSERVATIONS,
}


class _UuidOfText(Dumper):
    """An id as it stands in a message, in half the time that it takes by way of a `UUID`."""

    format = pq.Format.BINARY
    oid = postgres.types["uuid"].oid

    @override
    def dump(self, obj: str) -> bytes:
        return bytes.fromhex(obj.replace("-", ""))


class _FourFloats(Dumper):
    """Corners of a box; psycopg's own way looks at each of them twice."""

    format = pq.Format.BINARY
    oid = postgres.types["float4"].array_oid
    _ARRAY: Final = Struct(
        "!iiIii" + 4 * "if"
    )  # dimensions, has no NULL, type, how many, the first's number, then each
    _HEAD: Final = (1, 0, postgres.types["float4"].oid, 4, 1)

    @override
    def dump(self, obj: tuple[float, float, float, float]) -> bytes:
        left, top, right, bottom = obj
        return self._ARRAY.pack(*self._HEAD, 4, left, 4, top, 4, right, 4, bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What an insert brought that was not known before."""

    messages: Mapping[Kind, int]  # how many were not there yet
    points: Mapping[Device, str]  # that live viewers want, in JSON: at, lon, lat, heading_deg, speed_mps
    healthy: frozenset[Device]  # devices with a new health report


async def create_staging(connection: Connection) -> None:
    """Make the temporary tables of a connection; they are empty at the beginning of each transaction."""
    for dumper in (_UuidOfText, _FourFloats):
        connection.adapters.register_dumper(None, dumper)
    for table in TABLE_OF_KIND.values():
        await connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DELETE ROWS").format(
                _staged(table), sql.Identifier(table.name)
            )
        )
    await connection.commit()


async def insert_rows(cursor: Cursor, rows_of_kind: Mapping[Kind, Iterable[Values]]) -> News:
    """Insert within the caller's transaction; rows that are there already are left as they are."""
    for kind, rows in rows_of_kind.items():
        await _copy(cursor, TABLE_OF_KIND[kind], rows)
    new: dict[Kind, int] = {}
    for kind, statement in _PLAIN.items():
        if kind in rows_of_kind:
            await cursor.execute(statement)
            new[kind] = cursor.rowcount
    points: dict[Device, str] = {}
    if Kind.TRACK in rows_of_kind:
        points, new[Kind.TRACK] = await _insert_track_points(cursor)
    healthy: list[Device] = []
    if Kind.HEALTH in rows_of_kind:
        healthy = await _insert_health_reports(cursor)
        new[Kind.HEALTH] = len(healthy)
    return News(messages=new, points=points, healthy=frozenset(healthy))


async def _insert_track_points(cursor: Cursor) -> tuple[dict[Device, str], int]:
    """Points by device, and how many messages they came in."""
    await cursor.execute(_INSERT_TRACK_POINTS)
    rows = await cursor.fetchall()
    return {(city, device): points for city, device, points, _ in rows}, sum(messages for *_, messages in rows)


async def _insert_health_reports(cursor: Cursor) -> list[Device]:
    await cursor.execute(_INSERT_HEALTH_REPORTS)
    return [(city, device) async for city, device in cursor]


async def _copy(cursor: Cursor, table: Table, rows: Iterable[Values]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(_staged(table), columns)
    async with cursor.copy(statement) as copy:
        copy.set_types(list(table.columns.values()))
        for row in rows:
            await copy.write_row(row)


def _staged(table: Table) -> sql.Identifier:
    return sql.Identifier(f"staged_{table.name}")
