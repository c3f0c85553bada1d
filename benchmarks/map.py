"""How long a request of the map takes when there are very many findings, through the real API.

    python -m benchmarks.map --findings 1000000 --json FILE

A province of findings (two thirds of them crowded into twelve towns) goes by COPY into an embedded PostgreSQL, the
worker's count makes the cells, and then a viewer of `busense serve` pans and zooms at random: each request is as the
page makes it (`GET /api/v1/map`, one and a half times a screen of 1600 x 900). Measured is the whole answer as the
client has it. The peer is what a page would ask without that route: `GET /api/v1/findings` of the same rectangle, which
ends after its first 2,000. The summary and the first page of the list, which every viewer asks for, are measured too.
"""

import argparse
import json
import math
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import httpx
import psycopg
from rich.console import Console
from rich.progress import track

from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from cloud.db.pool import connect
from cloud.findings.map_cells import count_marked_cells
from cloud.observations.tables import cell_of
from wire.envelope import make_id

GOAL_MS: Final = 50.0
TOWNS: Final = 12
PROVINCE: Final = (118.0, 27.5, 121.5, 31.0)  # degrees: minlon, minlat, maxlon, maxlat
SCREEN_PX: Final = (1600 * 1.5, 900 * 1.5)
ZOOMS: Final = (6.0, 17.5)
PEER_LIMIT: Final = 2000
PAGE: Final = 500  # as the pages ask
FEW: Final = 60  # requests of what is not the map
TIMEOUT_S: Final = 120.0
_METRES_PER_PIXEL: Final = 78_271.5
_METRES_PER_DEGREE: Final = 111_195.0
_COLUMNS: Final = """
COPY findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2, north_m2,
    position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at, looked_lon, looked_lat)
FROM STDIN
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
            f"{make_id(at)}\tbench\t{cell}\t{kind}\t{chance.random():.3f}\t{lon}\t{lat}\t4\t0\t4\t2\t90\t2\t2"
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

    The trigger that marks a cell for each row is off meanwhile: each cell is marked once, in the end.
    """
    started = time.perf_counter()
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        with connection.cursor() as cursor, cursor.copy(_COLUMNS) as copy:
            for line in track(findings(count, chance), total=count, description="findings", console=console):
                copy.write(line)
        connection.execute("INSERT INTO marked_cells SELECT DISTINCT cell FROM findings")
    stored = time.perf_counter()
    with connect(url, autocommit=True) as connection:
        count_marked_cells(connection)
        counted = time.perf_counter()
        connection.execute("VACUUM ANALYZE findings")
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


def cpu_s(parents: set[int]) -> float:
    """Time on a core of these processes and their children; it does not tell of what else the machine does."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(file.parent.name) in parents or int(fields[1]) in parents:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(url: str, folder: Path) -> Generator[tuple[httpx.Client, int]]:
    """A client of `busense serve`, and the server's process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = os.environ | {
        "BUSENSE_CITY": "bench",
        "BUSENSE_DATABASE__URL": url,
        "BUSENSE_PICTURES__URL": f"file://{folder / 'pictures'}",
        "BUSENSE_SERVE__PORT": str(port),
        "BUSENSE_SERVE__VISITORS": "true",
    }
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "busense", "serve"], env=environment, stderr=log)
    transport = httpx.HTTPTransport(retries=9)  # a server that is starting refuses connections
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=TIMEOUT_S, transport=transport) as client:
            yield client, process.pid
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks whom."""

    client: httpx.Client
    servers: set[int]
    console: Console


def measure(asking: Asking, path: str, questions: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask one after the other; milliseconds and sizes of the answers."""
    cpu_before_s = cpu_s(asking.servers)
    took_ms: list[float] = []
    sizes: list[int] = []
    kinds: dict[str, int] = {}
    for question in track(questions, description=path, console=asking.console):
        started = time.perf_counter()
        response = asking.client.get(path, params=question)
        took_ms.append((time.perf_counter() - started) * 1000)
        sizes.append(len(response.raise_for_status().content))
        kind = response.json().get("kind", "page")
        kinds[kind] = kinds.get(kind, 0) + 1
    cuts = quantiles(took_ms, n=100)
    return {
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "cpu_ms": round((cpu_s(asking.servers) - cpu_before_s) * 1000 / len(questions), 1),
        "largest_kb": round(max(sizes) / 1000),
        "answers": kinds,
    }


def run(folder: Path, *, count: int, looks: int, console: Console) -> dict[str, Any]:
    """Fill and ask."""
    postgres = LocalPostgres(folder / "postgres", is_durable=False)
    postgres.start()
    try:
        url = postgres.url()
        migrate(url)
        filled = fill(url, count, random.Random(0), console)
        path = list(walk(looks, random.Random(1)))
        with served(url, folder) as (client, pid):
            client.get("/health").raise_for_status()
            asking = Asking(client=client, servers={pid, postgres.pid or pid}, console=console)
            mine = measure(asking, "/map", [{"bbox": look.bbox, "zoom": round(look.zoom, 2)} for look in path])
            some = path[:: max(1, looks // FEW)]
            peer = measure(asking, "/findings", [{"bbox": look.bbox, "limit": PEER_LIMIT} for look in some])
            newest = measure(asking, "/findings", [{"limit": PAGE}] * FEW)
            summary = measure(asking, "/summary", [{}] * FEW)
    finally:
        postgres.stop()
    return {
        "findings": count,
        "looks": looks,
        **{name: round(seconds, 1) for name, seconds in filled.items()},
        "map": mine,
        "of_goal": round(mine["p95_ms"] / GOAL_MS, 2),
        "peer": peer,
        "of_peer": round(mine["p95_ms"] / peer["p95_ms"], 3),
        "newest": newest,
        "summary": summary,
        "load": round(os.getloadavg()[0], 1),
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--looks", type=int, default=600)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), count=arguments.findings, looks=arguments.looks, console=console)
    for name in ("map", "peer", "newest", "summary"):
        each = result[name]
        times = ", ".join(f"{cut} {each[f'{cut}_ms']} ms" for cut in ("p50", "p95", "p99"))
        cost = f"{each['cpu_ms']} ms of a core each, at most {each['largest_kb']} kB"
        print(f"{name:7} {times}; {cost}; {each['answers']}")
    print(f"p95 is {result['of_goal']} of the goal ({GOAL_MS:.0f} ms) and {result['of_peer']} of the peer")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
