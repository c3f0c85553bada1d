"""A finding by which buses go every day keeps the newest of what they told; its numbers and beliefs stay true."""

import secrets
import threading
from collections.abc import Iterator

import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.pool import connect
from cloud.findings.evidence import WINDOW
from cloud.work.place import cells_around, wait_for_cells
from cloud.work.trim_findings import Trimmed, trim_findings
from tests.conftest import create_database, drop_database
from tests.integration.town import Town, beliefs

KEEP = 400
SEEN, MISSED = 230, 330
DAYS = 115  # messages at a time: the fusion never has more of a finding at once than it works on
CLOSED = "UPDATE cases SET state = 'closed', closed_at = now()"


@pytest.fixture
def town(database: str) -> Town:
    """A damage that was seen often, and then no more."""
    town = Town(url=database)
    for number in range(SEEN):
        town.sees(minutes=2 * number)
    drive_by(town, first=SEEN, times=MISSED)
    return town


@pytest.fixture
def twin(town: Town, postgres: LocalPostgres) -> Iterator[Town]:
    """The same town, in which nothing is trimmed."""
    name = f"twin_{secrets.token_hex(6)}"
    create_database(postgres, name, template=town.url.rpartition("/")[2].partition("?")[0])
    twin = Town.__new__(Town)
    twin.url, twin.catalogue, twin.outboxes, twin.messages = postgres.url(name), town.catalogue, {}, []
    yield twin
    drop_database(postgres, name)


def drive_by(town: Town, *, first: int, times: int) -> None:
    """Look where the damage was, and take it all in, some days at a time."""
    for number in range(first, first + times):
        town.looks(minutes=2 * number)
    while messages := town.messages[:DAYS]:
        del town.messages[:DAYS]
        town.store(messages)
        town.work()


def trim(town: Town) -> dict[str, Trimmed]:
    with connect(town.url, autocommit=True) as connection:
        return {done.table: done for done in trim_findings(connection, keep=KEEP)}


def passes(town: Town) -> int:
    return len(town.rows("SELECT FROM finding_passes"))


def test_an_old_history_is_counted_whatever_comes_later(town: Town) -> None:
    (before,) = town.findings()
    assert (before["passes_seen"], before["passes_missed"]) == (SEEN, MISSED)
    drive_by(town, first=SEEN + MISSED, times=WINDOW)
    (after,) = town.findings()
    assert (after["passes_seen"], after["passes_missed"]) == (SEEN, MISSED + WINDOW)
    assert after["first_seen_at"] == before["first_seen_at"]


def test_the_newest_stay_and_the_rest_is_counted(town: Town) -> None:
    town.change(CLOSED)
    (before,) = town.findings()
    done = trim(town)
    assert done["finding_observations"].deleted == SEEN - WINDOW
    assert done["finding_looks"].left == WINDOW
    assert done["finding_passes"].deleted == SEEN + MISSED - passes(town) == SEEN - WINDOW
    (after,) = town.findings()
    assert after["trimmed_seen"] == SEEN - WINDOW
    assert {name: after[name] for name in ("passes_seen", "passes_missed", "first_seen_at", "existence")} == {
        name: before[name] for name in ("passes_seen", "passes_missed", "first_seen_at", "existence")
    }
    assert all(each.beyond == each.held for each in done.values())


def test_trimmed_and_whole_history_lead_to_the_same_belief(town: Town, twin: Town) -> None:
    town.change(CLOSED)
    twin.change(CLOSED)
    trim(town)
    for each in (town, twin):
        for number in range(3):
            each.outboxes.clear()
            each.looks(bus="bus-2", minutes=2 * (SEEN + MISSED + number))
            each.sees(bus="bus-3", minutes=2 * (SEEN + MISSED + number) + 1)
        each.store()
        each.work()
    assert beliefs(town) == beliefs(twin)
    (finding,) = town.findings()
    assert finding["passes_seen"] == SEEN + 3


def test_while_its_case_is_open_all_of_it_stays(town: Town) -> None:
    town.change("UPDATE cases SET state = 'filed'")
    done = trim(town)
    assert {each.deleted for each in done.values()} == {0}
    assert done["finding_looks"].held == done["finding_looks"].beyond == MISSED - WINDOW


def test_the_proof_of_a_repair_stays(town: Town) -> None:
    first = town.rows("SELECT min(at) AS at FROM finding_passes")[0]["at"]
    town.change("UPDATE cases SET state = 'closed', done_at = %s, closed_at = %s", first, first)
    done = trim(town)
    assert done["finding_passes"].deleted == SEEN - WINDOW - 1
    assert town.rows("SELECT min(at) AS at FROM finding_passes")[0]["at"] == first


def test_it_waits_for_a_worker_at_that_place(town: Town) -> None:
    town.change(CLOSED)
    (finding,) = town.findings()
    with connect(town.url) as other:
        wait_for_cells(other, cells_around(finding["cell"]))
        trimming = threading.Thread(target=trim, args=(town,))
        trimming.start()
        trimming.join(timeout=0.3)
        assert passes(town) == SEEN + MISSED
        other.commit()
        trimming.join(timeout=30)
    assert passes(town) < SEEN + MISSED
