"""The demo's own proof that nothing was lost or doubled must see it when something was."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from busense.demo_books import read_books, read_stop_books
from wire.envelope import make_id

AT = datetime(2026, 11, 1, tzinfo=UTC)
STREAM = make_id(AT)
_TRACK = """
INSERT INTO track_points (id, id_at, city, device, stream, sequence, received_at, number, at, lon, lat, accuracy_m, fix)
VALUES (%s, %s, 'demo', 'bus-1', %s, %s, now(), %s, now(), 120, 27, 2, 'gnss')
"""
_QUARANTINE = """
INSERT INTO quarantine (digest, received_at, topic, payload, reason, detail, stream, sequence)
VALUES (sha256('x'), now(), 'busense/v1/demo/bus-1/track', '', 'not_json', '', %s, %s)
"""


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def _store(connection: psycopg.Connection, *, sequence: int, points: int = 1, later_s: int = 0) -> None:
    at = AT + timedelta(seconds=later_s)
    event_id = make_id(at)
    for number in range(points):
        connection.execute(_TRACK, (event_id, at, STREAM, sequence, number))


def test_an_empty_database_has_nothing(database: str) -> None:
    books = read_books(database)
    assert (books.stored, books.duplicates, books.redelivered, books.given_up, books.cases) == (0, 0, 0, 0, 0)


def test_a_message_of_many_rows_counts_once(database: str, connection: psycopg.Connection) -> None:
    with connection:
        _store(connection, sequence=1, points=3)
        _store(connection, sequence=2, points=2, later_s=1)
    books = read_books(database)
    assert (books.stored, books.duplicates) == (2, 0)


def test_a_message_that_is_stored_under_two_ids_is_a_duplicate(database: str, connection: psycopg.Connection) -> None:
    with connection:
        _store(connection, sequence=1)
        _store(connection, sequence=1, later_s=1)
    books = read_books(database)
    assert (books.stored, books.duplicates) == (1, 1)


def test_a_message_in_quarantine_is_not_lost(database: str, connection: psycopg.Connection) -> None:
    with connection:
        connection.execute(_QUARANTINE, (STREAM, 7))
    assert read_books(database).stored == 1


def test_what_stops_carried_is_counted_by_bus(connection: psycopg.Connection, database: str) -> None:
    connection.execute(
        "INSERT INTO device_streams (city, device, stream, first_seen_at, stored, given_up)"
        " VALUES ('demo', 'bus-1', %s, now(), '{[1,4),[6,8)}', '{[4,5)}'),"
        " ('demo', 'bus-2', %s, now(), '{[1,9)}', '{}')",
        (STREAM, make_id(AT)),
    )
    books = read_stop_books(database, ["bus-1"])
    assert books.as_json(buses=1, sent=7) == {
        "buses_without_network": 1,
        "sent": 7,
        "stored": 6,
        "lost": 1,
        "median_wait_s": None,
    }
