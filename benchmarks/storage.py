"""How much disk a bus-day takes, on plain PostgreSQL and on TimescaleDB packed, and what its sums save.

    python -m benchmarks.storage --json FILE

One day of one bus (`county_traffic`: 16 hours, 200 km) goes through the real ingest into an embedded PostgreSQL, and
the size of each table with its indexes is taken. The same rows go into a TimescaleDB, where its columnstore packs them
as the migrations have it: the one that BUSENSE_TIMESCALE_URL names, else one in WebAssembly, whose sizes are real and
whose times are not. So the time that is compared is of one server: a day's hours of a bus, from the points and from the
sums that are kept. The ratio is of packed bytes to bytes as they come.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, LiteralString

import click
import psycopg
from psycopg import sql
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.county_traffic import county_buses
from benchmarks.record import record, write
from benchmarks.servers import CITY, database, enrol_all
from cloud.db.migrate import migrate
from cloud.db.value import fetch_value
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from telemetry.result_file import RESULT_FILE
from tests.integration.timescale_server import timescale

DAY_S: Final = 16 * 3600
STEP_S: Final = 10
TABLES: Final = ("track_points", "coverages", "observations", "health_reports")
BATCH: Final = 500
CARRIED: Final = 50  # more at once end the server in WebAssembly
TIMES: Final = 20
_SIZE: Final = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.oid = %(table)s::regclass OR i.inhparent = %(table)s::regclass
"""
_PACK: Final = """
SELECT compress_chunk(format('%%I.%%I', chunk_schema, chunk_name)::regclass) FROM timescaledb_information.chunks
WHERE hypertable_name = %s
"""
_PACKED: Final = """
SELECT before_compression_total_bytes, after_compression_total_bytes FROM hypertable_compression_stats(%s)
"""
_HOURS_FROM_POINTS: Final = """
SELECT date_trunc('hour', id_at), city, device, count(*), sum(speed_mps), max(speed_mps) FROM track_points
WHERE id_at >= now() - interval '4 days' GROUP BY 1, 2, 3
"""
_HOURS: Final = "SELECT * FROM fleet_hours(now() - interval '4 days', now())"


def day(at: datetime) -> list[Delivery]:
    """All messages of one bus."""
    (bus,) = county_buses(1, city=CITY, at=at, seed=1, streets=1)
    messages: list[Delivery] = []
    for step in range(DAY_S // STEP_S):
        now = at + timedelta(seconds=STEP_S * step)
        messages += [Delivery(topic=topic, payload=payload, received_at=now) for topic, payload in bus.step(now)]
    return messages


async def store(url: str, messages: list[Delivery], console: Console) -> None:
    async with open_handler(url) as handler:
        for first in track(range(0, len(messages), BATCH), description="a day", console=console):
            await handler.store(messages[first : first + BATCH])


def sizes(connection: psycopg.Connection) -> dict[str, int]:
    """Bytes of each table with its parts and indexes."""
    found: dict[str, int] = {}
    for table in TABLES:
        found[table] = int(fetch_value(connection, _SIZE, {"table": table}))
    return found


def carry(plain: psycopg.Connection, large: psycopg.Connection, table: str) -> int:
    """Copy rows by INSERT; returns how many."""
    name = sql.Identifier(table)
    rows = [row for (row,) in plain.execute(sql.SQL("SELECT to_jsonb(t) FROM {} t ORDER BY id_at").format(name))]
    write_rows = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_recordset(NULL::{}, %s)").format(name, name)
    for first in range(0, len(rows), CARRIED):
        large.execute(write_rows, (json.dumps(rows[first : first + CARRIED]),))
    return len(rows)


def took_ms(connection: psycopg.Connection, statement: LiteralString) -> float:
    def ask() -> float:
        begun_s = time.perf_counter()
        connection.execute(statement).fetchall()
        return 1000 * (time.perf_counter() - begun_s)

    return min(ask() for _ in range(TIMES))


def pack(large: psycopg.Connection, say: Callable[[str], None]) -> dict[str, tuple[int, int]]:
    """Pack what there is; bytes before and after, of each table."""
    found: dict[str, tuple[int, int]] = {}
    for table in TABLES:
        say(f"packing {table}")
        large.execute(_PACK, (table,)).fetchall()
        row = large.execute(_PACKED, (table,)).fetchone() or (0, 0)
        found[table] = (int(row[0]), int(row[1]))
    return found


def run(folder: Path, console: Console) -> dict[str, Any]:
    """Store, carry over, pack, compare."""
    messages = day(datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0) - timedelta(days=3))
    with database(folder, is_durable=False) as postgres, timescale() as url:
        enrol_all(postgres.url(), ["county-0000"])
        with psycopg.connect(postgres.url(), autocommit=True) as plain:
            empty = sizes(plain)
            asyncio.run(store(postgres.url(), messages, console))
            full = sizes(plain)
            migrate(url)
            with psycopg.connect(url, autocommit=True) as large:
                rows = {table: carry(plain, large, table) for table in TABLES}
                from_points_ms = took_ms(large, _HOURS_FROM_POINTS)
                packed = pack(large, console.print)
                large.execute("CALL refresh_continuous_aggregate('fleet_hours_kept', NULL, now() - interval '1 day')")
                packed_ms, kept_ms = took_ms(large, _HOURS_FROM_POINTS), took_ms(large, _HOURS)
    return {
        "messages": len(messages),
        "tables": {
            table: {
                "rows": rows[table],
                "plain_bytes": full[table] - empty[table],
                "chunk_bytes": packed[table][0],
                "packed_bytes": packed[table][1],
            }
            for table in TABLES
        },
        "hours_from_points_ms": round(from_points_ms, 2),
        "hours_from_packed_points_ms": round(packed_ms, 2),
        "hours_kept_ms": round(kept_ms, 2),
        "hours_ratio": round(from_points_ms / kept_ms, 2),
    }


@click.command(help=__doc__)
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, json_file: Path | None) -> None:
    console = Console()
    with TemporaryDirectory(prefix="busense-") as folder:
        result = run(Path(folder), console)
    tables: dict[str, dict[str, int]] = result["tables"]
    table = Table("table", *next(iter(tables.values())))
    for name, line in tables.items():
        table.add_row(name, *(f"{value:,}" for value in line.values()))
    console.print(table)
    plain, packed = (sum(line[each] for line in tables.values()) for each in ("plain_bytes", "packed_bytes"))
    console.print(f"a bus-day: {plain / 1e6:.1f} MB plain, {packed / 1e6:.2f} MB packed: {packed / plain:.3f}")
    for name in ("hours_from_points_ms", "hours_from_packed_points_ms", "hours_kept_ms"):
        console.print(f"{name.replace('_', ' ')}: {result[name]}")
    numbers = {"rows": sum(line["rows"] for line in tables.values()), "bytes_a_bus_day": plain} | result
    ratio_is = "bytes of a bus-day packed by TimescaleDB to bytes on plain PostgreSQL; less is better"
    numbers["packed_bytes_a_bus_day"] = packed
    write(json_file, record("storage", ratio=packed / plain, ratio_is=ratio_is, seed=1, numbers=numbers))


if __name__ == "__main__":
    main()
