"""Tampering with the histories shows."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg import IsolationLevel

from cloud.cases.audit import Verdict, read_head, seal, verify
from cloud.cases.seals import Head, read_head_text
from cloud.db.pool import connect
from tests.integration.town import BUSES, Town


@pytest.fixture
def town(database: str) -> Town:
    """Three sealed histories of several lines, in several seals."""
    town = Town(url=database)
    for number in range(4):
        for north_m in (0.0, 60.0, 120.0):
            town.sees(bus=BUSES[number], minutes=10 * number, north_m=north_m)
        town.store()
        town.work()
        seal_all(town)
    return town


def seal_all(town: Town) -> int:
    with connect(town.url) as connection:
        return seal(connection, at=datetime.now(UTC))


def verdict(town: Town, *, expected: Head | None = None, later: timedelta = timedelta()) -> Verdict:
    with connect(town.url) as connection:
        connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        return verify(connection, at=datetime.now(UTC) + later, expected=expected)


def test_untouched_histories_are_whole(town: Town) -> None:
    found = verdict(town)

    assert found.faults == ()
    assert (found.lines, found.seals) == (12, 3)
    assert seal_all(town) == 0


def test_lines_that_wait_for_their_seal_are_no_fault_at_first(town: Town) -> None:
    town.sees(bus="bus-5", minutes=90)
    town.store()
    town.work()

    assert verdict(town).faults == ()
    assert "not sealed" in verdict(town, later=timedelta(hours=1)).faults[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_history SET actor = 'nobody' WHERE serial = 2",
        "UPDATE case_history SET at = at + interval '1 second' WHERE serial = 1",
        """UPDATE case_history SET details = '{"crew": "mine"}' WHERE serial = 2""",
        "DELETE FROM case_history WHERE serial = 3",
        "DELETE FROM case_history WHERE serial = (SELECT max(serial) FROM case_history)",
        "UPDATE case_history SET serial = CASE serial WHEN 2 THEN 1002 ELSE 1003 END WHERE serial IN (2, 3)",
        "UPDATE cases SET state = 'closed'",
        "DELETE FROM audit_seals WHERE number = 2",
        "UPDATE audit_seals SET lines = lines + 1 WHERE number = 2",
        "UPDATE audit_seals SET content_hash = sha256('x') WHERE number = 3",
        "UPDATE case_history SET seal = 3 WHERE seal = 2",
        "UPDATE case_numbers SET last = last + 1",
    ],
    ids=[
        "who",
        "when",
        "what besides",
        "line taken out",
        "last line taken out",
        "order",
        "state of the case",
        "seal taken out",
        "seal changed",
        "seal forged",
        "line moved to another seal",
        "case taken out",
    ],
)
def test_tampering_shows(town: Town, statement: str) -> None:
    with connect(town.url) as connection:
        connection.execute("SET session_replication_role = replica")  # as one who owns the database can
        connection.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]

    assert verdict(town).faults


def test_whole_case_taken_out_with_its_history_shows(town: Town) -> None:
    with connect(town.url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM case_history WHERE case_id = (SELECT min(id::text)::uuid FROM cases)")
        connection.execute("DELETE FROM cases WHERE id = (SELECT min(id::text)::uuid FROM cases)")
        connection.execute("UPDATE case_numbers SET last = last - 1")

    assert any(fault.startswith("seal 1 covered") for fault in verdict(town).faults)


def test_end_of_the_chain_that_was_cut_off_shows_by_a_head_kept_elsewhere(town: Town) -> None:
    with connect(town.url) as connection:
        head = read_head(connection)
    assert head is not None
    kept = read_head_text(str(head))
    assert verdict(town, expected=kept).faults == ()

    town.change("DELETE FROM case_events")
    town.change("DELETE FROM case_history WHERE seal = 3")
    town.change("DELETE FROM audit_seals WHERE number = 3")
    assert any("was kept" in fault for fault in verdict(town, expected=kept).faults)


def test_two_workers_do_not_seal_the_same(town: Town) -> None:
    town.sees(bus="bus-5", minutes=90)
    town.store()
    town.work()
    with connect(town.url) as first, connect(town.url) as second:
        assert seal(first, at=datetime.now(UTC)) == 1
        assert seal(second, at=datetime.now(UTC)) == 0
    assert verdict(town).faults == ()
