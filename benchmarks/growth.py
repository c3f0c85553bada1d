"""What 100, 10,000 and 1,000,000 vehicles ask for, computed from what was measured.

    python -m benchmarks.growth --out docs/growth.md

`measured.json` beside this file holds the figures with the commands that gave them; this writes the page.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
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


def vehicle() -> Vehicle:
    """From a simulated hour of ten buses."""
    buses = county_buses(10, city="county", at=datetime.now(UTC), seed=1)
    sizes = [
        len(topic) + len(payload) for bus in buses for _ in range(360) for topic, payload in bus.step(datetime.now(UTC))
    ]
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


def number(value: float) -> str:
    """Two digits that matter."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{round(value, digits):,.{digits}f}" if value < 100 else f"{float(f'{value:.2g}'):,.0f}"  # noqa: PLR2004


_BEGIN: Final = """A bus sends {messages} messages a day in sixteen hours (`benchmarks/county_traffic.py`), of {size}
bytes on the average; the busiest minute is taken as {peak:.0f} times the mean. The rest follows from these figures by
division:"""
BREAKS: Final = {
    100: ("Nothing: one machine has it all on the embedded defaults. The disk is the first to fill, after years."),
    10_000: (
        "**Fusion**: one worker on one core takes less than comes. Start more `busense work`, which need not be told of"
        " each other; then more `busense ingest` for the peaks. Disk comes next: TimescaleDB packs what is older than"
        " two weeks. Three NATS nodes and a replicated PostgreSQL (`deploy/county`), so that no single machine matters."
    ),
    1_000_000: (
        "**One stream and one database.** Every key, topic and lock begins with the city, so cut there: one NATS"
        " account and stream, one TimescaleDB and its own ingesters and workers for each county of some 10,000"
        " vehicles; a hundred of them side by side know nothing of each other. What is above them (the map of a"
        " province) would read their APIs: that part is not written, and no server was measured at these rates. The"
        " column is arithmetic."
    ),
}


def page(measured: dict[str, Any]) -> str:
    """The text."""
    each = vehicle()
    needs = [need(vehicles, each, measured) for vehicles in VEHICLES]
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
        *(f"- **{vehicles:,} vehicles.** {text}" for vehicles, text in BREAKS.items()),
        "",
    ]
    return "\n".join(lines)


@click.command(help=__doc__)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("docs/growth.md"))
def main(*, out: Path) -> None:
    out.write_text(page(json.loads(MEASURED.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
