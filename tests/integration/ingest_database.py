"""A handler on a real database, with the device bus-1 enrolled."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from cloud.fleet.devices import enrol
from cloud.ingest.handler import Handler, open_handler
from tests.unit.cloud.ingest.messages import AT, CITY

SECRET = "a-secret-that-is-long-enough"  # noqa: S105 - of tests only


def enrol_devices(url: str, devices: Sequence[str], *, at: datetime = AT) -> None:
    with psycopg.connect(url) as connection:
        for device in devices:
            enrol(connection, city=CITY, device=device, secret=SECRET)
        connection.execute("UPDATE devices SET enrolled_at = %s", (at,))


@asynccontextmanager
async def handler_with(url: str, *devices: str) -> AsyncGenerator[Handler]:
    enrol_devices(url, devices or ("bus-1",))
    async with open_handler(url) as handler:
        yield handler


def query(url: str, statement: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        return connection.execute(statement, parameters).fetchall()


def value(url: str, statement: LiteralString, *parameters: object) -> Any:  # noqa: ANN401 - whatever was asked for
    return query(url, statement, *parameters)[0][0]
