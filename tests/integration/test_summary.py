"""The summary's counts are kept, not counted: they must be what counting would give."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import pytest

from cloud.db.pool import connect
from cloud.db.tallies import add_up_tallies
from cloud.findings.map_cells import count_marked_cells
from tests.integration.office import Office, open_office
from tests.integration.town import Town

STEPS = """
SELECT count(*) FILTER (WHERE action = 'file') AS filed, count(*) FILTER (WHERE action = 'dispatch') AS dispatched,
    count(*) FILTER (WHERE action = 'accept') AS accepted, count(*) FILTER (WHERE action = 'done') AS repaired,
    count(*) FILTER (WHERE action = 'verify') AS verified,
    count(*) FILTER (WHERE action = 'reopen' AND from_state IN ('done', 'verified', 'closed')) AS reopened,
    count(*) FILTER (WHERE to_state = 'rejected' AND from_state <> to_state) AS rejected
FROM case_history
"""
CASES = "SELECT state, count(*) AS n FROM cases GROUP BY state"
FINDINGS = "SELECT state, count(*) AS n FROM findings WHERE merged_into IS NULL GROUP BY state"


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with open_office(Town(url=database), tmp_path) as opened:
        yield opened


def summary(office: Office) -> dict[str, Any]:
    return office.api.get("/summary").json()


def add_up(town: Town) -> None:
    with connect(town.url, autocommit=True) as connection:
        add_up_tallies(connection)


def by_state(town: Town, statement: LiteralString) -> dict[str, int]:
    return {row["state"]: row["n"] for row in town.rows(statement)}


def a_repair_that_did_not_hold_and_a_rejection(office: Office) -> None:
    office.acted("desk", office.done_case(), "reopen", reason="又坏了")
    office.town.sees(bus="bus-1", minutes=30, north_m=300, class_code="D00")
    office.town.sees(bus="bus-2", minutes=40, north_m=300, class_code="D00")
    office.town.store()
    office.town.work()
    (reported,) = office.api.get("/cases", params={"state": "reported"}).json()["items"]
    office.acted("desk", reported, "reject", reason="只是影子")


def test_steps_and_states_are_those_of_the_rows(office: Office) -> None:
    a_repair_that_did_not_hold_and_a_rejection(office)
    told = summary(office)

    assert told["cases_by_step"] == office.town.rows(STEPS)[0]
    assert (told["cases_by_step"]["reopened"], told["cases_by_step"]["rejected"]) == (1, 1)
    assert told["cases_by_state"] == by_state(office.town, CASES)


def test_adding_up_changes_no_count(office: Office) -> None:
    case = office.accepted_case()
    before = summary(office)
    add_up(office.town)
    assert summary(office) == before
    assert office.town.rows("SELECT FROM tally_changes") == []

    office.acted("crew-1", case, "done")
    add_up(office.town)
    assert summary(office)["cases_by_state"] == {"done": 1}


def test_observation_that_comes_twice_counts_once(office: Office) -> None:
    message = office.town.sees()
    office.town.store([message])
    office.town.store([message])

    assert summary(office)["observations"] == 1


def test_whoever_adds_up_meanwhile_is_not_waited_for(office: Office) -> None:
    office.reported_case()
    with connect(office.town.url, autocommit=True) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('busense.tallies', 0))")
        add_up(office.town)
        assert office.town.rows("SELECT FROM tally_changes") != []


def test_findings_follow_the_count_of_the_map(office: Office) -> None:
    office.reported_case()
    office.town.sees(bus="bus-3", minutes=20, north_m=400)
    office.town.store()
    office.town.work()
    with connect(office.town.url, autocommit=True) as connection:
        count_marked_cells(connection)
    told = summary(office)

    assert told["findings_by_state"] == by_state(office.town, FINDINGS) == {"open": 1, "candidate": 1}
    assert told["findings_by_class"] == {"D00": 1, "D40": 1}
