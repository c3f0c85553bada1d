"""Malformed messages by the million: does ingest live, and is each of them in the quarantine or stored as it says?

    python -m benchmarks.fuzz --messages 1000000 --seed 1 --json FILE

Valid messages of each kind that a bus counts are spoiled, in one of many ways (bytes, JSON, values, topic), and given
to the real handler with a real PostgreSQL. What Python's own JSON and the published JSON Schema refuse must lie in the
quarantine, byte for byte; what is valid all the same may be stored, and then its row must say what the message says.
Anything else counts as wrong; an exception that leaves the handler, and a message that our own code stumbles over, as a
crash. Exits with 1 when there is any of these. The message of a wrong one can be made again from its number and seed.
"""

import asyncio
import hashlib
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, LiteralString, cast

import click
import jsonschema_rs
import psycopg
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.spoiling import CITY, DEVICE, KINDS, Document, Spoiled, spoiled
from busense.local.postgres import LocalPostgres
from cloud.db.migrate import migrate
from cloud.fleet.devices import enrol
from cloud.ingest.handler import open_handler
from cloud.ingest.reading import STUMBLED
from cloud.ingest.subscriber import Delivery
from telemetry.result_file import RESULT_FILE
from wire.envelope import MAX_MESSAGE_BYTES

BATCH: Final = 500
FORGET_EVERY: Final = 40  # batches: the tables are looked through and emptied
MOST_SHOWN: Final = 20
Check = tuple[LiteralString, Callable[[Document], tuple[object, ...]]]


def _refuse(token: str) -> float:
    raise ValueError(f"{token} is no JSON")


class Contract:
    """What the published schemas say, without our own reading of them."""

    def __init__(self) -> None:
        self._validators = {
            f"busense.{kind.value}.v1": jsonschema_rs.validator_for(
                json.loads((files("wire.schemas") / f"{kind.value}.v1.json").read_text()), validate_formats=True
            )
            for kind in KINDS
        }

    def read(self, spoiled: Spoiled) -> Document | None:
        """The document, or nothing when it is not one that may be taken."""
        topic, payload = spoiled
        if len(payload) > MAX_MESSAGE_BYTES:
            return None
        try:
            document: object = json.loads(payload.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        known = cast("Document", document)
        name = known.get("type")
        validator = self._validators.get(name) if isinstance(name, str) else None
        if validator is None or topic != f"busense/v1{known.get('source')}/{str(name).split('.')[1]}":
            return None
        try:
            return known if validator.is_valid(known) else None
        except ValueError:  # half a surrogate is no text
            return None


def _each(data: Document, name: str) -> list[float]:
    return [point[name] for point in data["points"]]


_ROWS: Final[Mapping[str, Check]] = {
    "busense.detection.v1": (
        "SELECT id::text, device, lon, lat, confidence, class_code FROM observations",
        lambda data: (data["lon"], data["lat"], data["confidence"], data["class_code"]),
    ),
    "busense.coverage.v1": (
        "SELECT id::text, device, near_m, far_m, heading_deg FROM coverages",
        lambda data: (data["near_m"], data["far_m"], data.get("heading_deg")),
    ),
    "busense.track.v1": (
        "SELECT id::text, device, count(*), min(lon), max(lat) FROM track_points GROUP BY id, device",
        lambda data: (len(data["points"]), min(_each(data, "lon")), max(_each(data, "lat"))),
    ),
    "busense.driving.v1": (
        "SELECT id::text, device, lon, lat, kind FROM driving_events",
        lambda data: (data["lon"], data["lat"], data["kind"]),
    ),
    "busense.sighting.v1": (
        "SELECT DISTINCT id::text, device, lon, lat FROM tag_sightings",
        lambda data: (data["lon"], data["lat"]),
    ),
    "busense.health.v1": (
        "SELECT id::text, device, (report ->> 'outbox_depth')::bigint FROM health_reports",
        lambda data: (data["outbox_depth"],),
    ),
}
_EMPTY: Final = (
    "TRUNCATE observations, coverages, track_points, driving_events, tag_sightings, health_reports, quarantine,"
    " fusion_queue, condition_queue, device_streams, pictures CASCADE"
)


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of them."""

    messages: int = 0
    stored: int = 0
    quarantined: Counter[str] = field(default_factory=Counter[str])  # by reason
    spoiled: Counter[str] = field(default_factory=Counter[str])  # by the way
    crashes: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])

    @property
    def is_good(self) -> bool:
        return not (self.crashes or self.wrong)


class Fuzz:
    """Gives spoiled messages to the real handler and looks for each of them afterwards."""

    def __init__(self, url: str, *, seed: int) -> None:
        self._url, self._seed = url, seed
        self._contract = Contract()
        self._given: dict[int, Spoiled] = {}
        self.result = Result()

    async def run(self, numbers: Iterator[range]) -> None:
        """Batch by batch; now and then everything is looked for."""
        async with open_handler(self._url) as handler:
            for count, batch in enumerate(numbers, start=1):
                now = datetime.now(UTC)
                some: list[Delivery] = []
                for number in batch:
                    way, self._given[number] = spoiled(number, seed=self._seed, at=now)
                    self.result.spoiled[way] += 1
                    topic, payload = self._given[number]
                    some.append(Delivery(topic=topic, payload=payload, received_at=now))
                try:
                    await handler.store(some)
                except Exception as error:  # noqa: BLE001 - any at all is what is looked for
                    words = f"{batch.start} to {batch.stop - 1}: {type(error).__name__}: {error}"
                    self.result.crashes.append(words[:300])
                if count % FORGET_EVERY == 0:
                    self.look()
        self.look()

    def look(self) -> None:
        """Where each message is; then forget them."""
        with psycopg.connect(self._url, autocommit=True) as database:
            reasons = dict(database.execute("SELECT digest, reason FROM quarantine").fetchall())
            rows = {
                name: {row[:2]: row[2:] for row in database.execute(statement)}
                for name, (statement, _) in _ROWS.items()
            }
            database.execute(_EMPTY)
        for number, given in self._given.items():
            self._judge(number, given, reasons=reasons, rows=rows)
        self._given.clear()

    def _judge(
        self,
        number: int,
        given: Spoiled,
        *,
        reasons: Mapping[bytes, str],
        rows: Mapping[str, Mapping[tuple[object, ...], tuple[object, ...]]],
    ) -> None:
        self.result.messages += 1
        topic, payload = given
        reason = reasons.get(hashlib.sha256(topic.encode() + b"\x00" + payload).digest())
        document = self._contract.read(given)
        if reason is not None:
            self.result.quarantined[reason] += 1
            if reason == STUMBLED:
                self.result.crashes.append(f"{number}: our own code stumbled")
        elif document is None:
            self.result.wrong.append(f"{number}: neither valid nor in the quarantine")
        else:
            name, data = cast("str", document["type"]), cast("Document", document["data"])
            row = rows[name].get((document["id"], DEVICE))
            if row is None:
                self.result.wrong.append(f"{number}: neither in its table nor in the quarantine")
            elif not _is_same(row, _ROWS[name][1](data)):
                self.result.wrong.append(f"{number}: its row says {row}")
            self.result.stored += 1


def _is_same(row: Sequence[object], said: Sequence[object]) -> bool:
    return all(_are_same(one, other) for one, other in zip(row, said, strict=True))


def _are_same(stored: object, said: object) -> bool:
    """As far as a real of four bytes can tell."""
    if isinstance(stored, float) and isinstance(said, int | float):
        return math.isclose(stored, said, rel_tol=1e-6)
    return stored == said


def fuzz(url: str, *, messages: int, seed: int, is_quiet: bool = False) -> Result:
    """Spoil, store and look.

    Args:
        url: of a database that is migrated and is emptied here.
        messages: how many.
        seed: of the spoiling.
        is_quiet: without a progress bar.
    """
    with psycopg.connect(url) as database:
        enrol(database, city=CITY, device=DEVICE, secret="x" * 32)
        enrol(database, city=CITY, device="bus-2", secret="x" * 32)
    batches = [range(first, min(first + BATCH, messages)) for first in range(0, messages, BATCH)]
    running = Fuzz(url, seed=seed)
    asyncio.run(running.run(iter(track(batches, description="batches of 500", disable=is_quiet))))
    return running.result


@click.command(help=__doc__)
@click.option("--messages", default=1_000_000, show_default=True, type=click.IntRange(1, 100_000_000))
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, messages: int, seed: int, json_file: Path | None) -> None:
    begun_s, console = time.monotonic(), Console()
    with TemporaryDirectory(prefix="busense-") as folder:
        server = LocalPostgres(Path(folder) / "postgres")
        server.start()
        try:
            migrate(server.url())
            result = fuzz(server.url(), messages=messages, seed=seed)
        finally:
            server.stop()
    table = Table("what", "messages")
    table.add_row("spoiled", f"{result.messages:,}")
    for reason, count in result.quarantined.most_common():
        table.add_row(f"in quarantine: {reason}", f"{count:,}")
    table.add_row("valid all the same, stored as they say", f"{result.stored - len(result.wrong):,}")
    table.add_row("crashes", str(len(result.crashes)))
    table.add_row("stored wrong or lost", str(len(result.wrong)))
    console.print(table)
    console.print(f"{result.messages / (time.monotonic() - begun_s):.0f} messages a second, looking for them included")
    for words in (*result.crashes, *result.wrong)[:MOST_SHOWN]:
        console.print(words, style="red", markup=False)
    if json_file is not None:
        numbers = {"messages": result.messages, "stored": result.stored, "quarantined": dict(result.quarantined)}
        numbers |= {"crashes": len(result.crashes), "wrong": len(result.wrong), "spoiled": dict(result.spoiled)}
        json_file.write_text(json.dumps(numbers, indent=2) + "\n")
    if not result.is_good:
        sys.exit(1)


if __name__ == "__main__":
    main()
