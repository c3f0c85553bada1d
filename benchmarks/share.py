"""Whether more processes share the work without being told of each other: ingesters, workers, one of them killed.

    python -m benchmarks.share --messages 8000 --json FILE

For one, two and four processes: the same messages of a county lie in the broker's stream and are stored by so many
`busense ingest`; then what they stored is taken into findings by so many `busense work`. Of more than one, one is
killed (-9) at a third of the work. Counted are rows a second, rows that are missing or doubled, and findings. On a
machine with few cores more processes do not make it faster; they must not make it wrong. The ratio is of rows (with two
processes and one killed) to messages.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, LiteralString

import click
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.county_traffic import county_buses
from benchmarks.ingest import Published, fill
from benchmarks.record import record, write
from benchmarks.servers import CITY, Cloud, cloud
from cloud.db.value import fetch_value
from telemetry.result_file import RESULT_FILE

NUMBERS: Final = (1, 2, 4)
BUSES: Final = 200
DONE_WITHIN_S: Final = 300.0
POLL_S: Final = 0.05
_STORED: Final = """
SELECT (SELECT count(*) FROM observations) + (SELECT count(*) FROM coverages) + (SELECT count(*) FROM health_reports)
    + (SELECT count(*) FROM track_points WHERE number = 0)
"""
_WAITING: Final = "SELECT count(*) FROM fusion_queue"
_LINKED_TWICE: Final = """
SELECT count(*) FROM (SELECT FROM finding_observations GROUP BY city, device, observation_id HAVING count(*) > 1) d
"""
_FINDINGS: Final = "SELECT count(*) FROM findings WHERE merged_into IS NULL"


def traffic(count: int) -> list[Published]:
    """Messages of a county in the order in which they come."""
    buses = county_buses(BUSES, city=CITY, at=datetime.now(UTC), seed=1, streets=20)
    begin, made = datetime.now(UTC) - timedelta(hours=1), list[Published]()
    step = 0
    while len(made) < count:
        at = begin + timedelta(seconds=10 * step)
        made += [message for bus in buses for message in bus.step(at)]
        step += 1
    return made[:count]


def share(place: Cloud, word: str, number: int, *, left: LiteralString, of: int, counts_down: bool) -> float:
    """Let so many processes work until nothing is left, and kill one on the way; returns how much a second."""
    programs = [place.start(word) for _ in range(number)]
    is_killed = number == 1
    with psycopg.connect(place.postgres.url(), autocommit=True) as connection:
        begun_s = time.perf_counter()
        while (time.perf_counter() - begun_s) < DONE_WITHIN_S:
            seen = fetch_value(connection, left)
            done = of - seen if counts_down else seen
            if not is_killed and done > of / 3:
                programs[0].kill()
                is_killed = True
            if done >= of:
                break
            time.sleep(POLL_S)
        took_s = time.perf_counter() - begun_s
    for program in programs:
        program.stop()
    return of / took_s


def run(folder: Path, made: list[Published], number: int) -> dict[str, Any]:
    """One number of processes, with a place of its own."""
    with cloud(folder) as place:
        place.enrol(f"county-{each:04d}" for each in range(BUSES))
        asyncio.run(fill(place, made))
        stored = share(place, "ingest", number, left=_STORED, of=len(made), counts_down=False)
        with psycopg.connect(place.postgres.url(), autocommit=True) as connection:
            rows, waiting = fetch_value(connection, _STORED), fetch_value(connection, _WAITING)
        taken = share(place, "work", number, left=_WAITING, of=waiting, counts_down=True)
        with psycopg.connect(place.postgres.url(), autocommit=True) as connection:
            return {
                "processes": number,
                "killed": int(number > 1),
                "stored_per_s": round(stored),
                "rows": rows,
                "missing": len(made) - rows,
                "fused_per_s": round(taken),
                "left": fetch_value(connection, _WAITING),
                "linked_twice": fetch_value(connection, _LINKED_TWICE),
                "findings": fetch_value(connection, _FINDINGS),
            }


@click.command(help=__doc__)
@click.option("--messages", "count", default=8000, show_default=True, type=click.IntRange(500, 1_000_000))
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, count: int, json_file: Path | None) -> None:
    made, lines = traffic(count), list[dict[str, Any]]()
    for number in NUMBERS:
        with TemporaryDirectory(prefix="busense-") as folder:
            lines.append(run(Path(folder), made, number))
    table = Table(*lines[0])
    for line in lines:
        table.add_row(*map(str, line.values()))
    Console().print(table)
    numbers = {"rate": lines[0]["stored_per_s"], "rows": count, "lines": lines}
    ratio = lines[1]["rows"] / count
    ratio_is = "rows to messages with two processes of which one is killed; 1 is none lost and none doubled"
    write(json_file, record("share", ratio=ratio, ratio_is=ratio_is, seed=1, numbers=numbers))


if __name__ == "__main__":
    main()
