"""Live updates: in order, without loss after a break, and without holding up anybody."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from cloud.api import live
from cloud.db import changes
from cloud.db.pool import WORKER
from cloud.work.trim import KEPT_AT_LEAST, trim_changes
from tests.integration.api_server import running_server
from tests.integration.town import Town


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    cursor: str
    payload: str


@pytest.fixture
def address(database: str, tmp_path: Path) -> Iterator[str]:
    with running_server(database, tmp_path) as (_, address):
        yield address


@contextmanager
def following(address: str, cursor: str | None = None) -> Generator[Iterator[Event]]:
    """Yield the events of one viewer."""
    headers = {"Last-Event-ID": cursor} if cursor else {}
    with httpx.stream("GET", f"{address}/api/v1/events", headers=headers, timeout=10) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield events_of(response.iter_lines())


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, text = line.partition(": ")
            fields[name] = text
        elif "event" in fields:
            yield Event(fields["event"], fields["id"], fields["data"])
            fields = {}


def tell(connection: psycopg.Connection, number: int) -> None:
    connection.execute(
        "INSERT INTO changes (kind, subject, payload) VALUES ('bus', 'x', %s)", (Jsonb({"number": number}),)
    )
    connection.execute("SELECT pg_notify('busense_changes', '')")


def tell_decided(connection: psycopg.Connection, number: int) -> None:
    changes.tell(connection, kind="case", subject="x", payload={"number": number})


def take(events: Iterator[Event], count: int) -> list[str]:
    return [next(events).payload for _ in range(count)]


def numbers(*wanted: int) -> list[str]:
    return [f'{{"number": {number}}}' for number in wanted]


def test_viewer_gets_a_cursor_first(address: str) -> None:
    with following(address) as events:
        first = next(events)

    assert first.kind == "ready"
    assert first.cursor == "0-0"


def test_viewer_is_told_what_changes(address: str, database: str) -> None:
    town = Town(url=database)
    with following(address) as events:
        next(events)
        town.sees(bus="bus-1")
        town.sees(bus="bus-2", minutes=10)
        town.store()
        town.work()
        kinds = [next(events).kind for _ in range(4)]

    assert kinds == ["observation", "observation", "case", "finding"]


def test_break_loses_nothing(address: str, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        with following(address) as events:
            next(events)
            tell(connection, 1)
            last = next(events)
        tell(connection, 2)
        tell(connection, 3)
        with following(address, last.cursor) as events:
            assert next(events).kind == "ready"
            tell(connection, 4)
            assert take(events, 3) == numbers(2, 3, 4)


def test_transaction_that_commits_late_is_not_skipped(address: str, database: str) -> None:
    """Its number is smaller than that of a change that was committed, and could have been told, before."""
    with psycopg.connect(database) as slow, psycopg.connect(database, autocommit=True) as quick:
        with following(address) as events:
            start = next(events)
        tell(slow, 1)
        tell(quick, 2)
        with following(address, start.cursor) as events:
            next(events)
            slow.commit()
            first, second = next(events), next(events)

    assert [first.payload, second.payload] == numbers(1, 2)
    with following(address, first.cursor) as events:
        next(events)
        assert next(events) == second


def test_what_buses_bring_does_not_wait_for_a_worker_that_thinks(address: str, database: str) -> None:
    with (
        psycopg.connect(database, application_name=WORKER) as worker,
        psycopg.connect(database, autocommit=True) as quick,
        following(address) as events,
    ):
        next(events)
        worker.execute("SELECT pg_current_xact_id()")
        tell(quick, 1)
        told = next(events)
        tell_decided(worker, 2)
        worker.commit()
        decided = next(events)
    assert [told.payload, decided.payload] == numbers(1, 2)
    with following(address, told.cursor) as events:
        assert [next(events).kind, next(events)] == ["ready", decided]
    with following(address, decided.cursor) as events, psycopg.connect(database, autocommit=True) as quick:
        next(events)
        tell(quick, 3)
        assert take(events, 1) == numbers(3)


def test_what_is_decided_waits_for_all(address: str, database: str) -> None:
    with (
        psycopg.connect(database, application_name=WORKER) as worker,
        psycopg.connect(database, autocommit=True) as quick,
        following(address) as events,
    ):
        next(events)
        worker.execute("SELECT pg_current_xact_id()")
        tell_decided(quick, 2)
        tell_decided(worker, 1)
        worker.commit()
        assert take(events, 2) == numbers(1, 2)


def test_two_viewers_are_told_the_same(address: str, database: str) -> None:
    with (
        psycopg.connect(database, autocommit=True) as connection,
        following(address) as one,
        following(address) as other,
    ):
        next(one)
        next(other)
        tell(connection, 1)
        assert next(one) == next(other)


def test_page_after_page_is_replayed(address: str, database: str) -> None:
    count = live.PAGE * 2 + 7
    with psycopg.connect(database) as connection:
        tell(connection, 0)
        connection.commit()
        with following(address, "0-0") as events:
            first = [next(events), next(events)][1]
        for number in range(1, count):
            tell(connection, number)
    with following(address, first.cursor) as events:
        next(events)
        assert take(events, count - 1) == numbers(*range(1, count))


def test_cursor_of_another_database_is_told(address: str, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        tell(connection, 1)
        with following(address, "9999999999-1") as events:
            assert [next(events).kind, next(events).kind] == ["reset", "ready"]


def test_viewer_that_missed_trimmed_changes_is_told(address: str, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        tell(connection, 1)
        with following(address, "0-0") as events:
            before = [next(events), next(events)][1]
        connection.execute(
            "INSERT INTO changes (kind, subject, payload) SELECT 'bus', 'x', '{}' FROM generate_series(1, %s)",
            (KEPT_AT_LEAST + 2,),
        )
        assert trim_changes(connection, at=datetime.now(UTC) + timedelta(days=1)) == 2
        kept = connection.execute("SELECT xid::text || '-' || id FROM changes ORDER BY xid, id LIMIT 1").fetchone()
    with following(address, before.cursor) as events:
        assert [next(events).kind, next(events).kind] == ["reset", "ready"]
    with following(address, kept[0] if kept else None) as events:
        assert next(events).kind == "ready"


def test_young_changes_are_not_trimmed(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        tell(connection, 1)
        assert trim_changes(connection, at=datetime.now(UTC) + timedelta(days=1)) == 0


def test_server_stops_while_a_viewer_is_following(database: str, tmp_path: Path) -> None:
    with running_server(database, tmp_path) as (server, address), following(address) as events:
        next(events)
        server.should_exit = True
        assert list(events) == []
