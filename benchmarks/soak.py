"""Whether anything grows: the whole cloud and six simulated buses at a steady rate, the memory of each process drawn.

    python -m benchmarks.soak --minutes 60 --rate 500 --out DIR

The rate comes by MQTT from `county_traffic` (one connection that speaks for all those buses), on top of what six buses
with the real agent send; a viewer asks for three pages' data each three seconds. Memory is each process's own share
(PSS) with that of its children, each five seconds. At the end everything sent must be stored. Prints memory at a
quarter of the time and at the end, and the slope over the last half. DIR gets `memory.png` and `soak.json`.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import httpx
import matplotlib as mpl
import numpy as np
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.county_traffic import MESSAGES_PER_STEP, STEP_S, CountyBus, Published, county_buses
from busense.chaos.watch import tree
from busense.demo import ended_in_order
from busense.demo_place import CITY, demo_place
from busense.demo_town import Town, TownPlan
from busense.local.processes import free_port
from cloud.db.value import fetch_value
from cloud.fleet.devices import enrol

mpl.use("Agg")
import matplotlib.pyplot as plt

BUSES_WITH_AGENT: Final = 6
LOOK_EVERY_S: Final = 5.0
TICK_S: Final = 0.05
ASK_EVERY_S: Final = 3.0
DRAINED_WITHIN_S: Final = 900.0
PATHS: Final = ("/api/v1/summary", "/api/v1/findings?limit=50", "/api/v1/cases?limit=50")
_STATE: Final = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(queued_at)), 0) FROM fusion_queue
"""
_RECEIPTED: Final = """
SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM device_streams, unnest(stored) AS r WHERE device LIKE 'county-%%'
"""
_STORED: Final = """
SELECT (SELECT count(*) FROM observations WHERE device LIKE 'county-%%')
    + (SELECT count(*) FROM coverages WHERE device LIKE 'county-%%')
    + (SELECT count(DISTINCT (device, id)) FROM track_points WHERE device LIKE 'county-%%')
    + (SELECT count(*) FROM health_reports WHERE device LIKE 'county-%%')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look."""

    at_s: float
    sent: int
    fusion_waiting: int
    fusion_oldest_s: float
    memory_mb: dict[str, float]


@dataclass(slots=True, kw_only=True)
class Soak:
    rate: float
    samples: list[Sample] = field(default_factory=list[Sample])
    sent: int = 0
    answers: int = 0
    answers_failed: int = 0


def traffic(buses: Sequence[CountyBus]) -> Iterator[Published]:
    """All buses in turn, for ever."""
    while True:
        for bus in buses:
            yield from bus.step(datetime.now(UTC))


def memory_mb(pid: int) -> float:
    """Share of the memory (PSS) that a process and its children hold."""
    total = 0
    for each in tree(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total / 1024


def connect(town: Town, password: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="soak", protocol=mqtt.MQTTv311)
    client.username_pw_set("cloud", password)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(200)
    address = urlsplit(town.broker.mqtt_url)
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    return client


def run(
    town: Town, soak: Soak, *, buses: Sequence[CountyBus], seconds: float, password: str, progress: Progress
) -> None:
    """Send at the rate, look, and ask the API as three viewers would."""
    bar = progress.add_task("soak", total=seconds)
    client, messages = connect(town, password), traffic(buses)
    begun_s = looked_s = asked_s = time.monotonic()
    with (
        httpx.Client(base_url=town.url, timeout=30) as viewer,
        psycopg.connect(town.postgres.url(), autocommit=True) as database,
    ):
        while (passed_s := time.monotonic() - begun_s) < seconds:
            while soak.sent < passed_s * soak.rate:
                client.publish(*next(messages), qos=1)
                soak.sent += 1
            town.look_after()
            if time.monotonic() - asked_s > ASK_EVERY_S:
                asked_s = time.monotonic()
                for path in PATHS:
                    soak.answers += 1
                    soak.answers_failed += not viewer.get(path).is_success
            if time.monotonic() - looked_s > LOOK_EVERY_S:
                looked_s = time.monotonic()
                soak.samples.append(look(town, database, soak, passed_s))
            progress.update(bar, completed=passed_s)
            time.sleep(TICK_S)
        client.publish(*next(messages), qos=1).wait_for_publish(DRAINED_WITHIN_S)
        soak.sent += 1
    client.disconnect()
    client.loop_stop()


def look(town: Town, database: psycopg.Connection[Any], soak: Soak, at_s: float) -> Sample:
    waiting, oldest_s = database.execute(_STATE).fetchone() or (0, 0)
    return Sample(
        at_s=round(at_s, 1),
        sent=soak.sent,
        fusion_waiting=waiting,
        fusion_oldest_s=round(float(oldest_s), 1),
        memory_mb={name: round(memory_mb(pid), 1) for name, pid in town.pids().items()},
    )


def wait_until_stored(town: Town, sent: int) -> int:
    """How many of the county's messages lie in the tables, when all have receipts or time is up."""
    deadline = time.monotonic() + DRAINED_WITHIN_S
    with closing(psycopg.connect(town.postgres.url(), autocommit=True)) as database:
        while fetch_value(database, _RECEIPTED) < sent and time.monotonic() < deadline:
            time.sleep(2.0)
        return fetch_value(database, _STORED)


def slope_mb_per_h(samples: Sequence[Sample], name: str) -> float:
    """Least squares over the last half."""
    last = samples[len(samples) // 2 :]
    seconds = np.array([sample.at_s for sample in last])
    held = np.array([sample.memory_mb.get(name, np.nan) for sample in last])
    return float(np.polyfit(seconds, held, 1)[0] * 3600)


def draw(samples: Sequence[Sample], file: Path) -> None:
    figure, axes = plt.subplots(2, 1, figsize=(10, 7), sharex=True, height_ratios=(3, 1), layout="constrained")
    minutes = [sample.at_s / 60 for sample in samples]
    for name in sorted(samples[-1].memory_mb):
        axes[0].plot(minutes, [sample.memory_mb.get(name, np.nan) for sample in samples], label=name)
    axes[0].set(ylabel="memory (PSS with children), MB", ylim=(0, None))
    axes[0].legend(loc="upper left", ncols=3, frameon=False)
    axes[1].plot(minutes, [sample.fusion_oldest_s for sample in samples], color="tab:gray")
    axes[1].set(xlabel="minutes", ylabel="oldest observation\nthat waits, s", ylim=(0, None))
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)  # pyright: ignore[reportUnknownMemberType]


def tell(console: Console, soak: Soak, *, stored: int, seconds: float) -> None:
    table = Table("process", "at a quarter, MB", "at the end, MB", "slope of the last half, MB/h")
    quarter, last = soak.samples[len(soak.samples) // 4], soak.samples[-1]
    for name in sorted(last.memory_mb):
        slope = slope_mb_per_h(soak.samples, name)
        table.add_row(name, f"{quarter.memory_mb[name]:.0f}", f"{last.memory_mb[name]:.0f}", f"{slope:+.1f}")
    console.print(table)
    rate, waited_s = soak.sent / seconds, max(sample.fusion_oldest_s for sample in soak.samples)
    console.print(
        f"{soak.sent} messages sent in {seconds:.0f} s, {rate:.0f} a second of {soak.rate:.0f}; {stored} stored"
    )
    console.print(
        f"{soak.answers} questions to the API, {soak.answers_failed} not answered; fusion waited {waited_s:.0f} s"
    )


@click.command(help=__doc__)
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(0.1, 10_000))
@click.option("--rate", default=500.0, show_default=True, help="Messages a second.", type=click.FloatRange(1, 10_000))
@click.option("--out", default=Path("soak"), show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=1, show_default=True)
def main(*, minutes: float, rate: float, out: Path, seed: int) -> None:
    console, soak = Console(), Soak(rate=rate)
    seconds = minutes * 60
    out.mkdir(parents=True, exist_ok=True)
    buses = county_buses(round(rate * STEP_S / MESSAGES_PER_STEP), city=CITY, at=datetime.now(UTC), seed=seed)
    with ended_in_order(), demo_place(None) as place:
        plan = TownPlan(
            seed=seed, port=free_port(), buses=BUSES_WITH_AGENT, full=0, without_network=0, for_s=None, frames=None
        )
        town = Town(plan, place, say=console.print)
        with town.running():
            with psycopg.connect(town.postgres.url()) as database:
                for bus in buses:
                    enrol(database, city=CITY, device=bus.device, secret=bus.stream)
            town.drive()
            with Progress(console=console) as progress:
                password = place.cloud_password_file.read_text()
                run(town, soak, buses=buses, seconds=seconds, password=password, progress=progress)
            console.print("waiting until all is stored")
            stored = wait_until_stored(town, soak.sent)
    draw(soak.samples, out / "memory.png")
    (out / "soak.json").write_text(json.dumps({**asdict(soak), "stored": stored}) + "\n")
    tell(console, soak, stored=stored, seconds=seconds)


if __name__ == "__main__":
    main()
