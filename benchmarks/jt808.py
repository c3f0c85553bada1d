"""How many terminals one core of `busense bridge jt808` carries, against a real broker and a real database.

    python -m benchmarks.jt808 --terminals 10000 --json FILE

Terminals connect, authenticate themselves, and report their place each 30 seconds; each report is acknowledged after
the broker has it. The bridge runs in a process of its own, on one core; what it takes of that core is told. Each
terminal is an open file in this process and in the bridge (ulimit -n).
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
import psycopg

from benchmarks.terminals import Spot, Terminal
from busense.local.broker import LocalBroker
from busense.local.postgres import LocalPostgres
from busense.local.processes import Program, accepts_connections, free_port
from cloud.bridges.jt808.body import Result
from cloud.db.migrate import migrate
from cloud.fleet.secret import hash_secret
from telemetry.result_file import RESULT_FILE

CITY: Final = "measured"
CODE: Final = "0123456789abcdef"
CONNECTING: Final = 64  # at once
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

_DEVICES: Final = """
INSERT INTO devices (city, device, secret_hash)
SELECT %(city)s, 'bus-' || n, %(hash)s FROM generate_series(1, %(count)s) n
"""
_TERMINALS: Final = """
INSERT INTO jt808_terminals (phone, city, device, register_until, registered_at, code_hash)
SELECT (13000000000 + n)::text, %(city)s, 'bus-' || n, now(), now(), %(hash)s FROM generate_series(1, %(count)s) n
"""


@dataclass(slots=True)
class Tally:
    """What the terminals lived to see."""

    connected: int = 0
    lost: int = 0
    answered: int = 0
    refused: int = 0
    waits_s: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The numbers."""

    terminals: int
    connected: int
    lost: int
    every_s: float
    measured_s: float
    reports_per_s: float
    refused: int
    core_share: float
    times_real_time: float
    answer_p50_ms: float
    answer_p99_ms: float
    memory_mb: float
    connect_s: float


@click.command()
@click.option("--terminals", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--every", "every_s", type=click.FloatRange(min=1), default=30.0, show_default=True, help="seconds")
@click.option("--for", "for_s", type=click.FloatRange(min=5), default=60.0, show_default=True, help="seconds")
@click.option("--json", "json_file", type=RESULT_FILE, help="write the numbers here")
def main(terminals: int, every_s: float, for_s: float, json_file: Path | None) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="busense-jt808-") as folder, bridge(Path(folder), terminals) as (port, pid):
        measured = asyncio.run(_measure(port, pid, terminals=terminals, every_s=every_s, for_s=for_s))
    for name, value in asdict(measured).items():
        print(f"{name}: {value}")
    if json_file is not None:
        json_file.write_text(json.dumps(asdict(measured), indent=1), encoding="utf-8")
    if measured.lost or measured.refused or measured.connected < terminals:
        sys.exit(1)


@contextmanager
def bridge(folder: Path, terminals: int) -> Generator[tuple[int, int]]:
    """Start everything; port and process id of the bridge."""
    with ExitStack() as stack:
        postgres = LocalPostgres(folder / "postgres", is_durable=False)
        postgres.start()
        stack.callback(postgres.stop)
        broker = LocalBroker(folder / "broker", city=CITY, cloud_password="measured", device_secrets={})  # noqa: S106
        broker.start()
        stack.callback(broker.stop)
        migrate(postgres.url())
        with psycopg.connect(postgres.url()) as connection:
            values = {"city": CITY, "hash": hash_secret(CODE), "count": terminals}
            connection.execute(_DEVICES, values)
            connection.execute(_TERMINALS, values)
        port = free_port()
        environment = _environment(folder, postgres, broker, port)
        program = Program("the bridge", _command(), log=folder / "bridge.log", env=environment)
        program.start()
        stack.callback(program.stop)
        program.wait_until(lambda: accepts_connections(port), timeout_s=30)
        if program.pid is None:
            raise RuntimeError("the bridge has ended")
        os.sched_setaffinity(program.pid, {min(os.sched_getaffinity(0))})
        yield port, program.pid


def _command() -> list[str]:
    return [sys.executable, "-m", "busense", "bridge", "jt808"]


def _environment(folder: Path, postgres: LocalPostgres, broker: LocalBroker, port: int) -> dict[str, str]:
    password = folder / "password"
    password.write_text("measured")
    section = {
        "broker": {
            "kind": "mqtt",
            "url": broker.mqtt_url,
            "user": "cloud",
            "password_file": str(password),
            "client_id": "busense-jt808",
        },
        "host": "127.0.0.1",
        "port": port,
    }
    return dict(os.environ) | {
        "BUSENSE_CITY": CITY,
        "BUSENSE_DATABASE__URL": postgres.url(),
        "BUSENSE_JT808": json.dumps(section),
    }


async def _measure(port: int, pid: int, *, terminals: int, every_s: float, for_s: float) -> Measured:
    tally, gate = Tally(), asyncio.Semaphore(CONNECTING)
    begun_s = time.monotonic()
    opened = await asyncio.gather(*[_come(port, number, gate) for number in range(1, terminals + 1)])
    known = [terminal for terminal in opened if terminal is not None]
    tally.connected = len(known)
    connect_s = time.monotonic() - begun_s
    stop = asyncio.Event()
    driving = [
        asyncio.create_task(_report(terminal, number, tally, every_s=every_s, of=len(known), stop=stop))
        for number, terminal in enumerate(known)
    ]
    await asyncio.sleep(every_s)  # by then each has begun
    tally.waits_s.clear()
    spent_s, from_s, answered = _processor_s(pid), time.monotonic(), tally.answered
    await asyncio.sleep(for_s)
    passed_s = time.monotonic() - from_s
    share, answered = (_processor_s(pid) - spent_s) / passed_s, tally.answered - answered
    memory_mb, waits = _memory_mb(pid), sorted(tally.waits_s) or [0.0]
    stop.set()
    await asyncio.gather(*driving)
    for terminal in known:
        terminal.close()
    return Measured(
        terminals=terminals,
        connected=tally.connected,
        lost=tally.lost,
        every_s=every_s,
        measured_s=round(passed_s, 1),
        reports_per_s=round(answered / passed_s, 1),
        refused=tally.refused,
        core_share=round(share, 3),
        times_real_time=round(1 / share, 2) if share else 0.0,
        answer_p50_ms=round(1000 * waits[len(waits) // 2], 1),
        answer_p99_ms=round(1000 * waits[int(0.99 * (len(waits) - 1))], 1),
        memory_mb=round(memory_mb, 1),
        connect_s=round(connect_s, 1),
    )


async def _come(port: int, number: int, gate: asyncio.Semaphore) -> Terminal | None:
    async with gate:
        try:
            terminal = await Terminal.connect(port, str(13_000_000_000 + number))
            return terminal if await terminal.authenticate(CODE) is Result.DONE else None
        except OSError:
            return None


async def _report(
    terminal: Terminal, number: int, tally: Tally, *, every_s: float, of: int, stop: asyncio.Event
) -> None:
    """Report each time its turn comes; the turns of all are spread over the interval."""
    spot = Spot(at=datetime.now(UTC).replace(microsecond=0), lon=120.4 + number * 1e-6, lat=27.5)
    await asyncio.sleep(every_s * number / of)
    while not stop.is_set():
        begun_s = time.monotonic()
        try:
            result = await terminal.report(spot)
        except OSError:
            tally.lost += 1
            return
        took_s = time.monotonic() - begun_s
        tally.answered += result is Result.DONE
        tally.refused += result is not Result.DONE
        tally.waits_s.append(took_s)
        spot = Spot(at=spot.at + timedelta(seconds=every_s), lon=spot.lon, lat=spot.lat + 1e-4)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, every_s - took_s))


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
