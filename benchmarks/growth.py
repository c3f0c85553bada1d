"""What 100, 10,000 and 1,000,000 vehicles ask for, computed from what was measured.

    python -m benchmarks.growth --out docs/growth.md

`measured.json` beside this file holds the figures with the commands that gave them; this writes the page, with the
first part that is too small at each size.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.county_traffic import STEP_S, county_buses

VEHICLES: Final = (100, 10_000, 1_000_000)
SERVICE_S: Final = 16 * 3600  # of a day
FOR_THE_WORKER: Final = 0.4  # of the messages: damage and looks
PEAK: Final = 2.0  # the busiest minute to the mean of the service
REPLICAS: Final = 3
KEPT_DAYS: Final = 90
DISK_TB: Final = 4.0  # of one server
AT: Final = datetime(2026, 11, 29, 8, microsecond=123_456, tzinfo=UTC)  # any moment: messages are as long at each
MEASURED: Final = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """What one sends."""

    messages_a_day: float
    bytes_a_message: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What so many ask for."""

    vehicles: int
    messages_per_s: float
    network_mbit_s: float
    ingest_cores: float
    worker_cores: float
    streams: float
    plain_tb: float
    packed_tb: float
    rows_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One of a part is enough for so many vehicles."""

    part: str
    vehicles: float


def vehicle() -> Vehicle:
    """From a simulated hour of ten buses."""
    buses = county_buses(10, city="county", at=AT, seed=1)
    sizes = [len(topic) + len(payload) for bus in buses for _ in range(360) for topic, payload in bus.step(AT)]
    return Vehicle(
        messages_a_day=len(sizes) / len(buses) * SERVICE_S / (360 * STEP_S), bytes_a_message=sum(sizes) / len(sizes)
    )


def need(vehicles: int, each: Vehicle, measured: dict[str, Any]) -> Need:
    """Cores and streams are of the machine on which it was measured; peaks are in the rates, means in what is kept."""
    messages_per_s = vehicles * each.messages_a_day / SERVICE_S * PEAK
    return Need(
        vehicles=vehicles,
        messages_per_s=messages_per_s,
        network_mbit_s=messages_per_s * each.bytes_a_message * 8 / 1e6,
        ingest_cores=messages_per_s / measured["ingest_per_core_s"]["value"],
        worker_cores=messages_per_s * FOR_THE_WORKER / measured["fused_per_core_s"]["value"],
        streams=messages_per_s / measured["delivered_per_s"]["value"],
        plain_tb=vehicles * measured["plain_bytes_a_bus_day"]["value"] * KEPT_DAYS / 1e12,
        packed_tb=vehicles * measured["packed_bytes_a_bus_day"]["value"] * KEPT_DAYS / 1e12,
        rows_per_s=messages_per_s * measured["rows_a_message"]["value"],
    )


def limits(each: Vehicle, measured: dict[str, Any]) -> list[Limit]:
    """What one worker, ingester, stream, database and disk is enough for; what is reached first comes first."""
    one = need(1, each, measured)
    shares = {
        "worker": one.worker_cores,
        "ingester": one.ingest_cores,
        "stream": one.streams,
        "database": one.rows_per_s / measured["copied_rows_s"]["value"],
        "disk": one.plain_tb / DISK_TB,
    }
    return sorted((Limit(part=part, vehicles=1 / share) for part, share in shares.items()), key=attrgetter("vehicles"))


def breaking(found: Sequence[Limit], vehicles: int) -> list[Limit]:
    """Those that are too small for so many, in their order."""
    return [limit for limit in found if limit.vehicles < vehicles]


def number(value: float) -> str:
    """Two digits that matter."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{round(value, digits):,.{digits}f}" if value < 100 else f"{float(f'{value:.2g}'):,.0f}"  # noqa: PLR2004


_BEGIN: Final = """A bus sends {messages} messages a day in sixteen hours (`benchmarks/county_traffic.py`), of {size}
bytes on the average; the busiest minute is taken as {peak:.0f} times the mean. The rest follows from these figures by
division:"""
PARTS: Final = {
    "worker": ("one worker on one core", "start more `busense work`, which need not be told of each other"),
    "disk": (
        f"a disk of {DISK_TB:.0f} TB under plain PostgreSQL",
        "take TimescaleDB, which packs what is older than two weeks",
    ),
    "ingester": ("one ingester", "start more `busense ingest`, which need not be told of each other"),
    "stream": ("one NATS stream", "give each county an account and a stream of its own"),
    "database": (
        "one PostgreSQL, if it did nothing but take rows by COPY",
        "give each county a database with ingesters and workers of its own",
    ),
}
BESIDES: Final = {
    100: "One machine has it all on the embedded defaults.",
    10_000: ("So that no single machine matters: three NATS nodes and a replicated PostgreSQL (`deploy/county.yaml`)."),
    1_000_000: (
        "Every key, topic and lock begins with the city, so counties of some 10,000 vehicles stand side by side and"
        " know nothing of each other. What is above them (the map of a province) would read their APIs: that part is"
        " not written, and no server was measured at these rates. The column is arithmetic."
    ),
}


def what_breaks(vehicles: int, found: Sequence[Limit]) -> str:
    """The first part that is too small and what then, the others after it."""
    broken = breaking(found, vehicles)
    if not broken:
        name, _ = PARTS[found[0].part]
        return f"Nothing; the first to be full is {name}, at {number(found[0].vehicles)} vehicles."
    steps = [f"{PARTS[limit.part][0]} (full at {number(limit.vehicles)}): {PARTS[limit.part][1]}" for limit in broken]
    first, *others = steps
    return f"**First {first}.**" + (f" Then {'; '.join(others)}." if others else "")


def page(measured: dict[str, Any]) -> str:
    """The text."""
    each = vehicle()
    needs = [need(vehicles, each, measured) for vehicles in VEHICLES]
    found = limits(each, measured)
    rows = [
        ("messages a second, busiest minute", [number(one.messages_per_s) for one in needs]),
        ("network into the broker, Mbit/s", [number(one.network_mbit_s) for one in needs]),
        ("rows a second, busiest minute", [number(one.rows_per_s) for one in needs]),
        ("cores for `busense ingest` and its share of PostgreSQL", [number(one.ingest_cores) for one in needs]),
        ("cores for `busense work` and its share of PostgreSQL", [number(one.worker_cores) for one in needs]),
        ("NATS streams, each as fast as the one that was measured", [number(one.streams) for one in needs]),
        (f"disk for {KEPT_DAYS} days on plain PostgreSQL, TB", [number(one.plain_tb) for one in needs]),
        (
            f"the same packed by TimescaleDB, TB (times {REPLICAS} with replicas)",
            [number(one.packed_tb) for one in needs],
        ),
    ]
    lines = [
        "<!-- Made by `python -m benchmarks.growth`; change benchmarks/measured.json or the script. -->",
        "",
        "# Growth",
        "",
        _BEGIN.format(messages=number(each.messages_a_day), size=number(each.bytes_a_message), peak=PEAK),
        "",
        "| figure | value | from | day |",
        "|---|---|---|---|",
        *(
            f"| {figure['what']} | {number(figure['value'])} | {figure['from']} | {figure['day']} |"
            for figure in measured.values()
        ),
        "",
        "| vehicles | " + " | ".join(f"{one.vehicles:,}" for one in needs) + " |",
        "|---|" + "---|" * len(needs),
        *(f"| {name} | " + " | ".join(values) + " |" for name, values in rows),
        "",
        "## What breaks first, and what then",
        "",
        *(f"- **{vehicles:,} vehicles.** {what_breaks(vehicles, found)} {BESIDES[vehicles]}" for vehicles in VEHICLES),
        "",
    ]
    return "\n".join(lines)


@click.command(help=__doc__)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("docs/growth.md"))
def main(*, out: Path) -> None:
    out.write_text(page(json.loads(MEASURED.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
