"""How many messages a second one worker takes into findings and cases, against what a county's buses send.

    python -m benchmarks.work --rounds 120 --rate 500

The county of `county_traffic`, a second of it at a time: stored by the real ingest into an embedded PostgreSQL (not
measured), then taken by `cloud.work` in this process until nothing waits (measured, its share of the database's time
too). Only damage and looks wait for the worker: two of five messages. Prints what it took a second and the ratio to
what came, and how long the slowest round took.
"""

import asyncio
import cProfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.county_traffic import MESSAGES_PER_STEP, STEP_S, STREETS, CountyBus, county_buses
from benchmarks.record import record, write
from benchmarks.servers import cpu_s
from busense.local.postgres import LocalPostgres
from cloud.cases.handling import load_handling
from cloud.db.migrate import migrate
from cloud.db.pool import connect
from cloud.findings.catalogue import load_catalogue
from cloud.fleet.devices import enrol
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from cloud.work.service import drain
from telemetry.result_file import RESULT_FILE

CITY: Final = "county"
WARM_SHARE: Final = 0.25  # of the rounds: there are no findings yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A second of the county's time."""

    messages: int  # that waited for the worker
    seconds: float
    worker_cpu_s: float
    database_cpu_s: float


def deliveries(buses: Sequence[CountyBus], at: datetime) -> list[Delivery]:
    return [Delivery(topic=topic, payload=payload, received_at=at) for bus in buses for topic, payload in bus.step(at)]


async def _store(url: str, messages: Sequence[Delivery]) -> None:
    async with open_handler(url) as handler:
        for first in range(0, len(messages), 500):
            await handler.store(messages[first : first + 500])


def run(
    server: LocalPostgres, buses: Sequence[CountyBus], *, rounds: int, profile: cProfile.Profile | None
) -> list[Round]:
    """Let the county drive, one second after the other."""
    at = datetime.now(UTC) - timedelta(seconds=rounds)
    catalogue, handling, found = load_catalogue(), load_handling(), list[Round]()
    url, database = server.url(), {server.pid or 0}
    with connect(url, autocommit=True) as connection:
        for bus in buses:
            enrol(connection, city=CITY, device=bus.device, secret=bus.stream)
        for number in track(range(rounds), description="seconds of the county"):
            now = at + timedelta(seconds=number)
            asyncio.run(_store(url, deliveries(buses[number % int(STEP_S) :: int(STEP_S)], now)))
            begun_s, cpu_begun_s, database_begun_s = time.perf_counter(), time.process_time(), cpu_s(database)
            if profile is not None:
                profile.enable()
            taken = drain(connection, catalogue=catalogue, handling=handling, now=lambda now=now: now)
            if profile is not None:
                profile.disable()
            found.append(
                Round(
                    messages=taken,
                    seconds=time.perf_counter() - begun_s,
                    worker_cpu_s=time.process_time() - cpu_begun_s,
                    database_cpu_s=cpu_s(database) - database_begun_s,
                )
            )
    return found


@click.command(help=__doc__)
@click.option("--rounds", default=120, show_default=True, type=click.IntRange(8, 100_000))
@click.option("--rate", default=500.0, show_default=True, help="Messages a second.", type=click.FloatRange(1, 10_000))
@click.option("--streets", default=STREETS, show_default=True, help="Of 10 km; fewer: more sightings of each thing.")
@click.option("--seed", default=1, show_default=True)
@click.option("--profile", "profile_file", type=RESULT_FILE, help="Write cProfile's.")
@click.option("--json", "json_file", type=RESULT_FILE)
def main(
    *, rounds: int, rate: float, streets: int, seed: int, profile_file: Path | None, json_file: Path | None
) -> None:
    profile, count = cProfile.Profile() if profile_file else None, round(rate * STEP_S / MESSAGES_PER_STEP)
    buses = county_buses(count, city=CITY, at=datetime.now(UTC), seed=seed, streets=streets)
    with TemporaryDirectory(prefix="busense-") as folder:
        server = LocalPostgres(Path(folder) / "postgres")
        server.start()
        try:
            migrate(server.url())
            found = run(server, buses, rounds=rounds, profile=profile)
        finally:
            server.stop()
    if profile is not None and profile_file is not None:
        profile.dump_stats(profile_file)
    counted = found[round(len(found) * WARM_SHARE) :]
    messages, seconds = sum(each.messages for each in counted), sum(each.seconds for each in counted)
    came = messages / len(counted)
    worker_ms = 1000 * sum(each.worker_cpu_s for each in counted) / messages
    database_ms = 1000 * sum(each.database_cpu_s for each in counted) / messages
    table = Table("what", "number")
    table.add_row("messages that waited for the worker, a second", f"{came:.0f}")
    table.add_row("messages taken, a second", f"{messages / seconds:.0f}")
    table.add_row("ratio of taken to come", f"{messages / seconds / came:.2f}")
    table.add_row("worker's time on a core for a message, ms", f"{worker_ms:.2f}")
    table.add_row("the database's for it, ms", f"{database_ms:.2f}")
    table.add_row("median round, ms", f"{1000 * median(each.seconds for each in counted):.0f}")
    table.add_row("slowest round, ms", f"{1000 * max(each.seconds for each in counted):.0f}")
    Console().print(table)
    if json_file is not None:
        numbers = {"rate": round(messages / seconds), "rows": messages, "came_per_s": round(came)} | {
            "worker_cpu_ms": round(worker_ms, 2),
            "database_cpu_ms": round(database_ms, 2),
        }
        ratio_is = "messages taken a second to messages that came; more than 1 keeps up"
        ratio = messages / seconds / came
        write(json_file, record("work", ratio=ratio, ratio_is=ratio_is, seed=seed, numbers=numbers))


if __name__ == "__main__":
    main()
