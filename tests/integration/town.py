"""A town of buses whose messages go through the real ingest into a real database; places in metres."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from cloud.db.pool import connect
from cloud.findings.catalogue import Catalogue, load_catalogue
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from cloud.work.service import drain
from tests.integration.ingest_database import enrol_devices
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT, Outbox
from wire.messages import Kind

BUSES = tuple(f"bus-{number}" for number in range(1, 7))


@dataclass(kw_only=True)
class Town:
    """What its buses see and where they look."""

    url: str
    begin: datetime = AT
    catalogue: Catalogue = field(default_factory=load_catalogue)
    outboxes: dict[str, Outbox] = field(default_factory=dict[str, Outbox])
    messages: list[Delivery] = field(default_factory=list[Delivery])

    def __post_init__(self) -> None:
        enrol_devices(self.url, BUSES)

    def sees(
        self,
        *,
        bus: str = "bus-1",
        minutes: float = 0.0,
        east_m: float = 0.0,
        north_m: float = 0.0,
        **changes: object,
    ) -> Delivery:
        """Note that a bus saw a pothole."""
        lon, lat = place(east_m, north_m)
        usual: dict[str, object] = {
            "class_code": "D40",
            "confidence": 0.6,
            "lon": lon,
            "lat": lat,
            "along_m": 3.0,
            "across_m": 1.5,
            "heading_deg": 0.0,
        }
        return self._note(bus, minutes, Kind.DETECTION, usual | changes)

    def looks(
        self,
        *,
        bus: str = "bus-1",
        minutes: float = 0.0,
        line_m: Sequence[tuple[float, float]] = ((0.0, -60.0), (0.0, 40.0)),
        **changes: object,
    ) -> Delivery:
        """Note that a bus drove a stretch with open eyes."""
        usual: dict[str, object] = {
            "line": [place(east_m, north_m) for east_m, north_m in line_m],
            "heading_deg": 0.0,
            "accuracy_m": 1.0,
            "usable_share": 1.0,
            "near_m": 4.0,
            "far_m": 20.0,
            "left_m": 5.0,
            "right_m": 4.0,
        }
        return self._note(bus, minutes, Kind.COVERAGE, usual | changes)

    def store(self, messages: Sequence[Delivery] | None = None) -> None:
        """Store what was noted since the last time (or just these), as ingest does."""
        batch = list(self.messages if messages is None else messages)
        self.messages = [] if messages is None else self.messages
        asyncio.run(self._store(batch))

    def work(self) -> int:
        """Let one worker take everything that waits."""
        with connect(self.url, autocommit=True) as connection:
            return drain(connection, catalogue=self.catalogue, now=lambda: datetime.now(UTC))

    def rows(self, statement: LiteralString, *values: object) -> list[dict[str, Any]]:
        """Rows of a query."""
        with (
            psycopg.connect(self.url, options="-c timezone=UTC") as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(statement, values).fetchall()

    def change(self, statement: LiteralString, *values: object) -> None:
        """Run a statement."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement, values)

    def findings(self) -> list[dict[str, Any]]:
        """All findings, from south to north."""
        return self.rows("SELECT * FROM findings ORDER BY lat, lon")

    def _note(self, bus: str, minutes: float, kind: Kind, changes: dict[str, object]) -> Delivery:
        outbox = self.outboxes.setdefault(bus, Outbox(device=bus))
        outbox.at = self.begin + timedelta(minutes=minutes)
        message = outbox.message(kind, **changes)
        self.messages.append(message)
        return message

    async def _store(self, batch: Sequence[Delivery]) -> None:
        async with open_handler(self.url) as handler:
            outcome = await handler.store(batch)
        if outcome.rejected:
            raise AssertionError(outcome.rejected)


def beliefs(town: Town) -> list[tuple[object, ...]]:
    """What is believed, without ids: equal for every way that leads there."""
    return [
        (
            finding["class_code"],
            finding["state"],
            finding["passes_seen"],
            finding["passes_missed"],
            round(finding["existence"], 9),
            round(finding["lon"], 9),
            round(finding["lat"], 9),
        )
        for finding in town.findings()
    ]
