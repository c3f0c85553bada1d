"""Where readers were and whether they listened, from one report of their health to the next.

A report tells how old the oldest message is that still waits in the outbox: all that is older is stored. So once a
later report says so, all that the device heard until then is here; and one that counts advertisements says that its
radio worked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import h3
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.db.value import fetch_value
from cloud.scenarios.safe_travel.model import Moment, Watch

RESOLUTION: Final = 9
THIN_S: Final = 4.0  # between two moments of a bus that moves; far less than what counts as a gap
MARGIN: Final = timedelta(minutes=2)  # a message is made at most so long after what it tells
UNKNOWN: Final = timedelta(hours=1)  # of a device of which nothing is known yet, so much is looked at
OPEN_S: Final = 35.0  # a bus that stands tells what it hears twice a minute
_BATCH: Final = 500
_LOCK: Final = 0x74726176  # "trav": one at a time

# Of devices with news, reports before which nothing waits on the bus, each with the one before it. What is still being
# heard lies in no outbox for half a minute. Where sightings were given up, nobody knows what was heard.
_REPORTS: Final = """
SELECT d.city, d.device, h.from_at, h.to_at, h.heard
FROM devices d LEFT JOIN travel_readers r ON r.city = d.city AND r.device = d.device
CROSS JOIN LATERAL (
    SELECT max(h.at - greatest((h.report->>'outbox_oldest_s')::float8, %(open_s)s) * interval '1 second') AS told_to
    FROM health_reports h
    WHERE h.city = d.city AND h.device = d.device AND h.clock_mark IS NULL AND h.at <= %(at)s
        AND h.id_at > coalesce(r.known_to, %(since)s::timestamptz) - interval '3 minutes'
) t
CROSS JOIN LATERAL (
    SELECT h.at AS to_at,
        CASE WHEN h.report->'given_up' @> '[{"kind": "sighting"}]' THEN 0
            ELSE coalesce((h.report->>'ble_heard')::bigint, 0) END AS heard,
        greatest(lag(h.at) OVER (ORDER BY h.at), h.at - interval '10 minutes', r.known_to) AS from_at
    FROM health_reports h
    WHERE h.city = d.city AND h.device = d.device AND h.clock_mark IS NULL
        AND h.id_at > coalesce(r.known_to, %(since)s) - interval '3 minutes'
        AND h.at > coalesce(r.known_to, %(since)s) AND h.at <= t.told_to
) h
WHERE d.health_at > coalesce(r.known_to, %(since)s) AND h.from_at < h.to_at ORDER BY h.to_at LIMIT %(limit)s
"""
_POINTS: Final = """
SELECT w.number, t.at, t.lon, t.lat
FROM unnest(%(cities)s::text[], %(devices)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[])
    WITH ORDINALITY AS w(city, device, from_at, to_at, number)
JOIN track_points t ON t.city = w.city AND t.device = w.device AND t.at >= w.from_at AND t.at <= w.to_at
WHERE t.id_at BETWEEN %(begin)s AND %(end)s
ORDER BY w.number, t.at
"""
_INSERT: Final = """
INSERT INTO travel_watch (city, device, from_at, to_at, is_listening, cells, moments)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_KNOWN: Final = """
INSERT INTO travel_readers AS r (city, device, known_to) VALUES (%s, %s, %s)
ON CONFLICT ON CONSTRAINT travel_readers_pkey DO UPDATE SET known_to = greatest(r.known_to, EXCLUDED.known_to)
"""
_OF_DEVICES: Final = """
SELECT device, from_at, is_listening, moments FROM travel_watch
WHERE device = ANY(%(devices)s) AND to_at >= %(from_at)s AND from_at <= %(to_at)s ORDER BY device, from_at
"""
_NEAR: Final = """
SELECT DISTINCT device FROM travel_watch
WHERE cells && %(cells)s::text[] AND to_at >= %(from_at)s AND from_at <= %(to_at)s
"""
# Buses that came by here in the last week and have not told all until then, nor been silent for a day.
_NOT_TOLD: Final = """
SELECT min(r.known_to) FROM travel_readers r
WHERE r.known_to < %(to_at)s AND r.known_to > %(to_at)s - interval '1 day' AND r.device IN (
    SELECT device FROM travel_watch WHERE cells && %(cells)s::text[] AND to_at > %(to_at)s - interval '7 days')
"""


def note_watch(connection: Connection[Any], *, at: datetime) -> int:
    """Note where readers were until their last reports; returns how many reports. In the caller's transaction."""
    if not fetch_value(connection, "SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)):
        return 0
    values = {"at": at, "since": at - UNKNOWN, "open_s": OPEN_S, "limit": _BATCH}
    with connection.cursor(row_factory=dict_row) as cursor:
        reports = cursor.execute(_REPORTS, values).fetchall()
    if not reports:
        return 0
    for report, points in zip(reports, _points_of(connection, reports), strict=True):
        if points:
            connection.execute(_INSERT, _row_of(report, points))
        connection.execute(_KNOWN, (report["city"], report["device"], report["to_at"]))
    return len(reports)


def _points_of(connection: Connection[Any], reports: Sequence[dict[str, Any]]) -> list[list[Moment]]:
    found = [list[Moment]() for _ in reports]
    values = {
        "cities": [report["city"] for report in reports],
        "devices": [report["device"] for report in reports],
        "froms": [report["from_at"] for report in reports],
        "tos": [report["to_at"] for report in reports],
        "begin": min(report["from_at"] for report in reports) - MARGIN,
        "end": max(report["to_at"] for report in reports) + MARGIN,
    }
    for number, at, lon, lat in connection.execute(_POINTS, values).fetchall():
        points = found[int(number) - 1]
        if not points or (at - points[-1].at).total_seconds() >= THIN_S:
            points.append(Moment(at, lon, lat, is_listening=reports[number - 1]["heard"] > 0))
    return found


def _row_of(report: dict[str, Any], points: Sequence[Moment]) -> tuple[object, ...]:
    begin = report["from_at"]
    moments = [[round((one.at - begin).total_seconds(), 1), round(one.lon, 6), round(one.lat, 6)] for one in points]
    cells = sorted({cell_of(lon=one.lon, lat=one.lat) for one in points})
    listens = report["heard"] > 0
    return report["city"], report["device"], begin, report["to_at"], listens, cells, Jsonb(moments)


def read_watch(connection: Connection[Any], devices: Iterable[str], *, from_at: datetime, to_at: datetime) -> Watch:
    """Where some readers were in a time."""
    values = {"devices": sorted(set(devices)), "from_at": from_at, "to_at": to_at}
    watch: dict[str, list[Moment]] = {}
    for device, begin, is_listening, moments in connection.execute(_OF_DEVICES, values).fetchall():
        watch.setdefault(device, []).extend(
            Moment(begin + timedelta(seconds=seconds), lon, lat, is_listening) for seconds, lon, lat in moments
        )
    return {device: [one for one in moments if from_at <= one.at <= to_at] for device, moments in watch.items()}


def readers_near(connection: Connection[Any], cells: Sequence[str], *, from_at: datetime, to_at: datetime) -> list[str]:
    """Readers that were in or passed some cells."""
    values = {"cells": list(cells), "from_at": from_at, "to_at": to_at}
    return [device for (device,) in connection.execute(_NEAR, values).fetchall()]


def complete_to(connection: Connection[Any], cells: Sequence[str], *, to_at: datetime) -> datetime:
    """Until when every reader that usually comes to some cells has told all; the given time at most."""
    return fetch_value(connection, _NOT_TOLD, {"cells": list(cells), "to_at": to_at}) or to_at


def cells_around(*, lon: float, lat: float, rings: int = 1) -> list[str]:
    """The cell of a place, and those around it."""
    return [str(cell) for cell in h3.grid_disk(cell_of(lon=lon, lat=lat), rings)]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]


def cell_of(*, lon: float, lat: float) -> str:
    """The cell that a place lies in."""
    return str(h3.latlng_to_cell(lat, lon, RESOLUTION))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
