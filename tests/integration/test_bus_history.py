"""The history of a bus's health, thinned out to the worst of each stretch of time."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from cloud.fleet.one_bus import HealthPoint, read_health
from tests.conftest import PLAIN, TIMESCALE

AT = datetime(2026, 11, 29, 8, tzinfo=UTC)
_REPORT = """
INSERT INTO health_reports (id, id_at, city, device, stream, sequence, received_at, at, report)
VALUES (%(id)s, %(at)s, 'a', 'bus-1', %(id)s, 1, %(at)s, %(at)s, %(report)s)
"""


def report(url: str, minute: int, **changes: object) -> None:
    told = {"frames_per_s": 9.0, "temperature_c": 50.0, "outbox_depth": 0, "disk_free_bytes": 9, "camera": "working"}
    values = {"id": uuid4(), "at": AT + timedelta(minutes=minute), "report": json.dumps(told | changes)}
    with psycopg.connect(url) as connection:
        connection.execute(_REPORT, values)


async def history(url: str, *, since: datetime = AT) -> list[HealthPoint]:
    async with await psycopg.AsyncConnection.connect(url, options="-c timezone=UTC") as connection:
        return await read_health(connection, city="a", device="bus-1", since=since, stretch=timedelta(minutes=7))


@pytest.mark.asyncio
@pytest.mark.kinds_of_database(PLAIN, TIMESCALE)
async def test_the_worst_of_each_stretch_stays_and_a_gap_stays_a_gap(database: str) -> None:
    report(database, 0, outbox_depth=3, temperature_c=None)
    report(database, 1, frames_per_s=7.0, temperature_c=80.0, disk_free_bytes=4, camera="unusable")
    report(database, 60)
    late, early = await history(database)
    assert early == HealthPoint(
        at=AT + timedelta(minutes=1),
        frames_per_s=8.0,
        temperature_c=80.0,
        outbox_depth=3,
        disk_free_bytes=4,
        camera="unusable",
    )
    assert late.at == AT + timedelta(minutes=60)
    assert await history(database, since=AT + timedelta(minutes=61)) == []
