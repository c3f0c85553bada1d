"""A province in a database: findings crowded into towns, their cases, a road network, what buses drove; and a viewer.

Everything is drawn by a seed. Findings go by COPY, the rest is made by the database itself.
"""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg
from rich.console import Console
from rich.progress import track

from benchmarks.servers import CITY
from cloud.db.pool import connect
from cloud.findings.map_cells import count_marked_cells
from cloud.observations.tables import cell_of
from wire.envelope import make_id

TOWNS: Final = 12
PROVINCE: Final = (118.0, 27.5, 121.5, 31.0)  # degrees: minlon, minlat, maxlon, maxlat
SCREEN_PX: Final = (1600 * 1.5, 900 * 1.5)
ZOOMS: Final = (6.0, 17.5)
BUSES: Final = 100
CASE_OF: Final = 10  # findings have one case
DAYS: Final = 20  # of driving
POINTS_AT_ONCE: Final = 2_000_000
_METRES_PER_PIXEL: Final = 78_271.5
_METRES_PER_DEGREE: Final = 111_195.0
_COLUMNS: Final = """
COPY findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2, north_m2,
    position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at, looked_lon, looked_lat)
FROM STDIN
"""

_SHOWN: Final = """
INSERT INTO finding_history
SELECT id, first_seen_at, 'infinity', class_code, state, existence, lon, lat FROM findings
"""
_CASES: Final = """
INSERT INTO cases (id, city, number, finding_id, class_code, severity, state, unit, opened_at, due_at)
SELECT uuidv7(), city, 'bench-' || row_number() OVER (), id, class_code, severity,
    (ARRAY['reported', 'filed', 'dispatched', 'accepted', 'closed', 'closed'])[1 + (random() * 5)::int], 'roads',
    now() - random() * interval '200 days', now() + (random() - 0.5) * interval '60 days'
FROM (SELECT *, row_number() OVER () AS n FROM findings) f WHERE n %% %(every)s = 0
"""
_HISTORY: Final = """
INSERT INTO case_history (case_id, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash)
SELECT id, serial, opened_at + serial * interval '1 hour', 'system:fusion',
    (ARRAY['open', 'file', 'dispatch', 'accept'])[serial], '{"zh": "-", "en": "-"}', NULL, state,
    sha256(''), sha256('')
FROM cases, generate_series(1, 4) serial
"""
_ROADS: Final = """
INSERT INTO roads (id, name, kind, line, min_lon, min_lat, max_lon, max_lat)
SELECT 'r' || n, 'road ' || n, 'residential', '[[0, 0], [1, 1]]', 118, 27.5, 121.5, 31 FROM generate_series(0, 999) n
"""
# Ten findings to a segment, on which it lies.
_SEGMENTS: Final = """
INSERT INTO segments (id, course, road_id, line, length_m, min_lon, min_lat, max_lon, max_lat)
SELECT lpad(to_hex(n), 16, '0'), 'c' || n, 'r' || n %% 1000,
    jsonb_build_array(jsonb_build_array(lon, lat), jsonb_build_array(lon + 0.001, lat)), 100, lon, lat, lon + 0.001, lat
FROM (SELECT lon, lat, row_number() OVER () AS n FROM findings) f WHERE n %% 10 = 0
"""
_PLACED: Final = """
INSERT INTO segment_findings (finding_id, segment_id, along_m)
SELECT f.id, lpad(to_hex(10 + n / 10 * 10), 16, '0'), random() * 100
FROM (SELECT id, row_number() OVER () - 1 AS n, count(*) OVER () AS all_of_them FROM findings) f
WHERE 10 + n / 10 * 10 <= all_of_them
"""
_CONDITIONS: Final = """
INSERT INTO segment_conditions (segment_id, assessed_at, pci_estimate, pci_low, pci_high, surveyed_share, looks,
    findings, last_looked_at)
SELECT id, now(), pci, pci - 5, pci + 5, 1, 3, 10, now() - random() * interval '60 days'
FROM (SELECT id, 40 + 50 * random() AS pci FROM segments) s
"""
_DAYS: Final = """
INSERT INTO segment_history (segment_id, day, pci_estimate, pci_low, pci_high, surveyed_share, findings, last_looked_at)
SELECT s.segment_id, current_date - n, pci_estimate, pci_low, pci_high, 1, 10, now()
FROM segment_conditions s, generate_series(1, 30) n
"""
_SURVEYS: Final = """
INSERT INTO segment_surveys (segment_id, city, device, coverage_id, from_at, to_at, from_m, to_m, direction, left_m,
    right_m, usable_share)
SELECT id, %(city)s, 'bus-' || n, gen_random_uuid(), now() - n * interval '1 day', now() - n * interval '1 day', 0, 100,
    1, 4, 4, 1
FROM segments, generate_series(1, 10) n
"""
_DRIVERS: Final = """
INSERT INTO segment_passes (segment_id, city, device, hour, passes, last_at)
SELECT id, %(city)s, 'bus-' || n, n * 20, 5, now() - random() * interval '6 days' FROM segments, generate_series(1, 5) n
"""
_LAST: Final = "INSERT INTO segment_last_passes SELECT segment_id, max(last_at) FROM segment_passes GROUP BY segment_id"
_HEARD: Final = """
INSERT INTO heard_days (city, day, device, way, messages, tags, last_at, hours, late)
SELECT %(city)s, current_date - day, 'bus-' || bus, way, 8000, 40, now() - day * interval '1 day', 4194272,
    '{7000,600,200,100,50,50}'
FROM generate_series(0, 199) day, generate_series(1, %(buses)s) bus, unnest('{"",stop-1}'::text[]) way
"""
# A message of ten seconds each ten seconds, all buses in turn: as they would have come.
_POINTS: Final = """
INSERT INTO track_points (id, id_at, city, device, stream, sequence, received_at, number, at, lon, lat, accuracy_m, fix,
    speed_mps, heading_deg)
SELECT id, id_at, %(city)s, 'bus-' || bus, '00000000-0000-7000-8000-000000000000', message, id_at, number,
    id_at + number * interval '1 second', 118 + bus * 0.03 + number * 0.0001, 28 + message %% 10000 * 0.0001, 2.5,
    'gnss', message %% 15, 90
FROM (
    SELECT gen_random_uuid() AS id, message, bus,
        date_trunc('day', now()) - %(days)s * interval '1 day' + message * %(apart_s)s * interval '1 second' AS id_at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) message, generate_series(1, %(buses)s) bus
) m, generate_series(0, 9) number
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the map."""

    zoom: float
    bbox: str


def findings(count: int, chance: random.Random) -> Iterator[str]:
    """Lines of `_COLUMNS`."""
    towns = town_centres(chance)
    at = datetime.now(UTC)
    kinds = [
        f"{code}\t{severity}\t{state}"
        for code in ("D00", "D10", "D20", "D40")
        for severity in ("light",) * 5 + ("medium",) * 3 + ("heavy",)
        for state in ("candidate",) * 2 + ("open",) * 5 + ("gone",) * 2
    ]
    for _ in range(count):
        lon, lat = place(towns, chance)
        cell, kind = cell_of(lon=lon, lat=lat), chance.choice(kinds)
        yield (
            f"{make_id(at)}\t{CITY}\t{cell}\t{kind}\t{chance.random():.3f}\t{lon}\t{lat}\t4\t0\t4\t2\t90\t2\t2"
            f"\t{at}\t{at}\t{lon}\t{lat}\n"
        )


def town_centres(chance: random.Random) -> list[tuple[float, float]]:
    min_lon, min_lat, max_lon, max_lat = PROVINCE
    return [(chance.uniform(min_lon, max_lon), chance.uniform(min_lat, max_lat)) for _ in range(TOWNS)]


def place(towns: list[tuple[float, float]], chance: random.Random) -> tuple[float, float]:
    """In a town, or anywhere."""
    if chance.random() < 2 / 3:
        lon, lat = chance.choice(towns)
        return lon + chance.gauss(0, 0.05), lat + chance.gauss(0, 0.05)
    min_lon, min_lat, max_lon, max_lat = PROVINCE
    return chance.uniform(min_lon, max_lon), chance.uniform(min_lat, max_lat)


def fill(url: str, count: int, chance: random.Random, console: Console) -> dict[str, float]:
    """Store the findings and count the cells; returns how long each took, in seconds.

    Triggers are off meanwhile: each cell is marked once, in the end, and each finding has been shown as it is.
    """
    started = time.perf_counter()
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        with connection.cursor() as cursor, cursor.copy(_COLUMNS) as copy:
            for line in track(findings(count, chance), total=count, description="findings", console=console):
                copy.write(line)
        connection.execute("INSERT INTO marked_cells SELECT DISTINCT cell FROM findings")
        connection.execute(_SHOWN)
    stored = time.perf_counter()
    with connect(url, autocommit=True) as connection:
        count_marked_cells(connection)
        counted = time.perf_counter()
        connection.execute("VACUUM ANALYZE findings")
        connection.execute("VACUUM ANALYZE finding_history")
        connection.execute("VACUUM ANALYZE map_cells")
    return {"stored_s": stored - started, "counted_s": counted - stored}


def walk(count: int, chance: random.Random) -> Iterator[Look]:
    """A viewer who pans, zooms, and now and then jumps to another town."""
    towns = town_centres(random.Random(0))
    lon, lat, zoom = *chance.choice(towns), 11.0
    for _ in range(count):
        match chance.choices(("pan", "zoom", "jump"), (6, 3, 1))[0]:
            case "pan":
                step = 400 * degrees_per_pixel(zoom)
                lon, lat = lon + chance.uniform(-step, step), lat + chance.uniform(-step, step)
            case "zoom":
                zoom = min(ZOOMS[1], max(ZOOMS[0], zoom + chance.choice((-1.5, -1, -0.5, 0.5, 1, 1.5))))
            case _:
                lon, lat = place(towns, chance)
                zoom = chance.uniform(*ZOOMS)
        lon, lat = min(PROVINCE[2], max(PROVINCE[0], lon)), min(PROVINCE[3], max(PROVINCE[1], lat))
        yield Look(zoom=zoom, bbox=rectangle(lon, lat, zoom))


def rectangle(lon: float, lat: float, zoom: float) -> str:
    high = SCREEN_PX[1] * degrees_per_pixel(zoom) / 2
    wide = SCREEN_PX[0] * degrees_per_pixel(zoom) / 2 / math.cos(math.radians(lat))
    return f"{lon - wide:.6f},{lat - high:.6f},{lon + wide:.6f},{lat + high:.6f}"


def degrees_per_pixel(zoom: float) -> float:
    return _METRES_PER_PIXEL * math.cos(math.radians(29)) / 2**zoom / _METRES_PER_DEGREE


def fill_cases(url: str) -> None:
    """A case for each tenth finding."""
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(_CASES, {"every": CASE_OF})
        connection.execute(_HISTORY)


def fill_roads(url: str) -> None:
    """A segment for each ten findings, with its condition, a month of history and ten looks."""
    with psycopg.connect(url) as connection:
        for statement in (_ROADS, _SEGMENTS, _PLACED, _CONDITIONS, _DAYS, _SURVEYS, _DRIVERS, _LAST):
            connection.execute(statement, {"city": CITY})


def fill_heard(url: str) -> None:
    """What a hundred buses and three stops told by the day, for two hundred days."""
    with psycopg.connect(url) as connection:
        connection.execute(_HEARD, {"city": CITY, "buses": BUSES})


def fill_tracks(url: str, points: int, console: Console) -> float:
    """Let a hundred buses drive for twenty days; returns how long it took, in seconds."""
    messages = points // 10 // BUSES
    step = max(1, POINTS_AT_ONCE // 10 // BUSES)
    begun_s = time.perf_counter()
    values = {"city": CITY, "buses": BUSES, "days": DAYS, "apart_s": DAYS * 86_400 / max(1, messages)}
    with psycopg.connect(url, autocommit=True) as connection:
        for first in track(range(0, messages, step), description="track points", console=console):
            connection.execute(_POINTS, values | {"first": first, "last": min(first + step, messages) - 1})
    return time.perf_counter() - begun_s
