"""How long it takes from a bus's publish until a viewer is shown the observation, through everything.

    python -m benchmarks.latency --rate 500 --rate 2000 --seconds 30 --json FILE

The county of `county_traffic` publishes by MQTT at a steady rate (one connection speaks for its buses); broker, ingest,
worker, PostgreSQL (fsync on) and `busense serve` run as programs of their own; a viewer follows `/events`. Of each
detection the time between the publish and the event at the viewer is taken, once with a worker on the same cores (as
deploy/ has it, after the others where cores are too few) and once without one, as where workers have a machine of their
own. The publisher and the viewer are threads of one process: what they wait for each other counts, too. It is told by
stage, too: until the broker took it, until it was committed, until it was shown (PostgreSQL notes when it commits). The
ratio is of the 99th percentile at the highest rate, with the worker, to the goal of 250 ms.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import httpx
import psycopg
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.county_traffic import MESSAGES_PER_STEP, STEP_S, CountyBus, Published, county_buses
from benchmarks.record import record, times_ms, write
from benchmarks.servers import CITY, Cloud, cloud
from busense.local.postgres import LocalPostgres
from telemetry.result_file import RESULT_FILE
from wire.codec import decode_envelope
from wire.messages import Kind

GOAL_MS: Final = 250.0
WARM_S: Final = 5.0  # the first moments do not count
LATE_S: Final = 60.0  # what is not shown until then is counted as not shown
TICK_S: Final = 0.005
STAGES: Final = ("taken by the broker", "committed", "shown")
_COMMITTED: Final = """
SELECT id::text, extract(epoch FROM received_at)::float8, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
FROM observations
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; its id if a viewer is shown it."""

    published: Published
    shown_as: str | None


@dataclass(slots=True, kw_only=True)
class Seen:
    """When what was published and shown, on the clock on the wall: broker and database tell theirs by it."""

    published_s: dict[str, float] = field(default_factory=dict[str, float])
    shown_s: dict[str, float] = field(default_factory=dict[str, float])
    is_following: threading.Event = field(default_factory=threading.Event)
    is_complete: threading.Event = field(default_factory=threading.Event)
    expected: int | None = None

    def show(self, observation_id: str) -> None:
        self.shown_s.setdefault(observation_id, time.time())
        if self.expected is not None and len(self.shown_s) >= self.expected:
            self.is_complete.set()


def messages(buses: Sequence[CountyBus], *, count: int, rate: float) -> list[Message]:
    """All messages, made before the clock runs."""
    begin = datetime.now(UTC)
    made: list[Message] = []
    while True:
        for bus in buses:
            for topic, payload in bus.step(begin + timedelta(seconds=len(made) / rate)):
                envelope = decode_envelope(payload)
                shown_as = str(envelope.id) if envelope.kind is Kind.DETECTION else None
                made.append(Message(published=(topic, payload), shown_as=shown_as))
                if len(made) == count:
                    return made


def follow(base_url: str, seen: Seen) -> None:
    """Be a viewer until all is shown."""
    with httpx.Client(base_url=base_url, timeout=LATE_S) as client, client.stream("GET", "/events") as answer:
        for kind, subject in events(answer.iter_lines()):
            match kind:
                case "ready":
                    seen.is_following.set()
                case "observation":
                    seen.show(subject)
                case _:
                    pass
            if seen.is_complete.is_set():
                return


def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Kind and id of what each event is about; the id stands first in its JSON."""
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield kind, line.partition('"id":')[2].partition('"')[2].partition('"')[0]


def publish(place: Cloud, made: Sequence[Message], seen: Seen, *, rate: float, console: Console) -> float:
    """Publish at the rate; returns how many a second it really were."""
    client = place.publisher("latency")
    begun_s = time.perf_counter()
    for number, message in enumerate(track(made, description=f"{rate:.0f} a second", console=console)):
        while time.perf_counter() - begun_s < number / rate:
            time.sleep(TICK_S)
        if message.shown_as is not None:
            seen.published_s[message.shown_as] = time.time()
        client.publish(*message.published, qos=1)
    return len(made) / (time.perf_counter() - begun_s)


def note_commits(postgres: LocalPostgres) -> None:
    """Let the server keep the time of each commit."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    postgres.stop()
    postgres.start()


def times_of(seen: Seen, postgres: LocalPostgres) -> dict[str, tuple[float, ...]]:
    """Of what was shown: when it was published, taken by the broker, committed and shown."""
    with psycopg.connect(postgres.url()) as connection:
        rows = connection.execute(_COMMITTED).fetchall()
    return {
        name: (seen.published_s[name], taken_s, committed_s, seen.shown_s[name])
        for name, taken_s, committed_s in rows
        if name in seen.shown_s
    }


def stages_ms(times: Sequence[tuple[float, ...]]) -> dict[str, dict[str, float]]:
    """How long each stage took."""
    return {
        stage: times_ms([1000 * (each[number + 1] - each[number]) for each in times])
        for number, stage in enumerate(STAGES)
    }


def run(folder: Path, *, rate: float, has_worker: bool, seconds: float, seed: int, console: Console) -> dict[str, Any]:
    """One rate, with a place of its own."""
    buses = county_buses(round(rate * STEP_S / MESSAGES_PER_STEP), city=CITY, at=datetime.now(UTC), seed=seed)
    seen = Seen()
    with cloud(folder) as place:
        note_commits(place.postgres)
        place.enrol(bus.device for bus in buses)
        client = place.serve()
        place.start("ingest")
        if has_worker:
            place.start("work")
        viewer = threading.Thread(target=follow, args=(str(client.base_url), seen), daemon=True)
        viewer.start()
        seen.is_following.wait(LATE_S)
        made = messages(buses, count=round(rate * (seconds + WARM_S)), rate=rate)
        really = publish(place, made, seen, rate=rate, console=console)
        seen.expected = len(seen.published_s)
        seen.is_complete.wait(LATE_S)
        times = times_of(seen, place.postgres)
    counted = [message.shown_as for message in made[round(rate * WARM_S) :] if message.shown_as is not None]
    shown = [times[each] for each in counted if each in times]
    took_ms = [1000 * (each[-1] - each[0]) for each in shown]
    return {
        "rate": round(really),
        "asked_rate": rate,
        "has_worker": has_worker,
        "rows": len(took_ms),
        "not_shown": len(counted) - len(took_ms),
        **times_ms(took_ms),
        "slowest_ms": round(max(took_ms), 1),
        "stages": stages_ms(shown),
    }


@click.command(help=__doc__)
@click.option("--rate", "rates", multiple=True, default=(500.0, 2000.0), show_default=True, type=click.FloatRange(1))
@click.option("--seconds", default=30.0, show_default=True, type=click.FloatRange(1))
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, rates: tuple[float, ...], seconds: float, seed: int, json_file: Path | None) -> None:
    console, lines = Console(), list[dict[str, Any]]()
    for has_worker in (False, True):
        for rate in sorted(rates):
            with TemporaryDirectory(prefix="busense-") as folder:
                place = Path(folder)
                lines.append(run(place, rate=rate, has_worker=has_worker, seconds=seconds, seed=seed, console=console))
    table = Table("messages/s", "worker", "detections shown", "not shown", "p50 ms", "p95 ms", "p99 ms", "slowest ms")
    for line in lines:
        names = ("rate", "has_worker", "rows", "not_shown", "p50_ms", "p95_ms", "p99_ms", "slowest_ms")
        table.add_row(*(str(line[name]) for name in names))
    console.print(table)
    for line in lines:
        parts = (f"{stage} {each['p50_ms']:.0f}, {each['p99_ms']:.0f} ms" for stage, each in line["stages"].items())
        console.print(
            f"{line['rate']}/s{' with the worker' if line['has_worker'] else ''}: {'; '.join(parts)} (p50, p99)"
        )
    highest = lines[-1]
    ratio = highest["p99_ms"] / GOAL_MS
    console.print(f"p99 is {ratio:.2f} of the goal of {GOAL_MS:.0f} ms at {highest['rate']} messages a second")
    ratio_is = "99th percentile at the highest rate to the goal of 250 ms; less is better"
    numbers = {name: highest[name] for name in ("rate", "p50_ms", "p99_ms", "rows")} | {"rates": lines}
    write(json_file, record("latency", ratio=ratio, ratio_is=ratio_is, seed=seed, numbers=numbers))


if __name__ == "__main__":
    main()
