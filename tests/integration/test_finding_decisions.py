"""What people say of findings is respected, recorded and can be taken back: real database, real worker."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from cloud.cases import decisions
from cloud.cases.decisions import Said
from cloud.cases.handling import Handling, shipped_handling
from cloud.db.pool import connect
from cloud.errors import DecisionError, DecisionNotFoundError
from cloud.findings.decisions import DecisionKind
from cloud.findings.evidence import WINDOW
from cloud.work.case_jobs import CaseJobs
from cloud.work.trim_findings import trim_findings
from tests.integration.test_case_jobs import BY_HAND
from tests.integration.town import BUSES, Town

SAID = Said(actor="desk", at=datetime(2026, 11, 24, 15, tzinfo=UTC), reason="looked at the pictures")


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def alive(town: Town) -> list[dict[str, object]]:
    return [finding for finding in town.findings() if finding["merged_into"] is None]


def two_findings(town: Town, *, apart_m: float = 20.0) -> tuple[UUID, UUID]:
    for number in range(3):
        town.sees(bus=BUSES[number], minutes=10 * number)
        town.sees(bus=BUSES[number], minutes=10 * number, north_m=apart_m)
    town.store()
    town.work()
    first, second = alive(town)
    return UUID(str(first["id"])), UUID(str(second["id"]))


def decide(town: Town, kind: DecisionKind, first: UUID, second: UUID) -> UUID:
    with connect(town.url) as connection:
        return decisions.decide_pair(connection, kind, first=first, second=second, said=SAID)


def undo(town: Town, decision: UUID) -> None:
    with connect(town.url) as connection:
        decisions.undo(connection, decision, said=SAID)


def test_merged_findings_are_one_and_stay_one(town: Town) -> None:
    first, second = two_findings(town)
    decide(town, DecisionKind.MERGE, first, second)
    town.work()
    town.sees(bus="bus-5", minutes=100, north_m=10)
    town.store()
    town.work()

    (finding,) = alive(town)
    assert finding["passes_seen"] == 4
    (gone,) = [each for each in town.findings() if each["merged_into"] is not None]
    assert gone["merged_into"] == finding["id"]
    assert gone["state"] == "gone"


def test_merge_that_is_taken_back_leaves_two_findings_and_a_record(town: Town) -> None:
    first, second = two_findings(town)
    before = [(each["passes_seen"], each["existence"]) for each in alive(town)]
    decision = decide(town, DecisionKind.MERGE, first, second)
    town.work()
    undo(town, decision)
    town.work()

    assert [(each["passes_seen"], each["existence"]) for each in alive(town)] == before
    assert {each["id"] for each in alive(town)} == {first, second}
    (row,) = town.rows("SELECT actor, undone_by FROM finding_decisions")
    assert row == {"actor": "desk", "undone_by": "desk"}


def test_split_sightings_are_a_finding_of_their_own(town: Town) -> None:
    for number in range(4):
        town.sees(bus=BUSES[number], minutes=10 * number, north_m=2.0 * (number % 2))
    town.store()
    town.work()
    (finding,) = town.findings()
    chosen = [
        row["observation_id"]
        for row in town.rows("SELECT observation_id FROM finding_observations ORDER BY lat DESC LIMIT 2")
    ]
    with connect(town.url) as connection:
        decisions.split(connection, finding_id=finding["id"], observations=chosen, said=SAID)
    town.work()

    assert [each["passes_seen"] for each in alive(town)] == [2, 2]


def test_findings_kept_apart_are_never_joined(town: Town) -> None:
    first, second = two_findings(town, apart_m=6.0)
    decide(town, DecisionKind.DIFFERENT, first, second)
    town.work()
    for number in range(8):
        town.sees(bus=BUSES[number % 6], minutes=100 + 10 * number, north_m=3.0)
    town.store()
    town.work()

    assert {each["id"] for each in alive(town)} >= {first, second}


def fill_window(town: Town, *, north_m: tuple[float, ...], between_min: float = 0.0) -> None:
    """Let more passes than the fusion reads see something at each of these places, and forget what nobody needs."""
    times = WINDOW // len(north_m) + 5
    for number in range(times):
        for place, each in enumerate(north_m):
            town.sees(bus=BUSES[number % 6], minutes=100 + 20 * number + between_min * place, north_m=each)
    town.store()
    town.work()
    town.change("UPDATE cases SET state = 'closed', closed_at = now()")
    with connect(town.url, autocommit=True) as connection:
        trim_findings(connection, keep=10 * WINDOW)
    town.sees(bus="bus-1", minutes=100 + 20 * times, north_m=north_m[0])
    town.store()
    town.work()


def test_findings_kept_apart_stay_apart_when_newer_sightings_fill_the_window(town: Town) -> None:
    first, second = two_findings(town, apart_m=6.0)
    decide(town, DecisionKind.DIFFERENT, first, second)
    fill_window(town, north_m=(0.0, 1.5), between_min=10)

    assert {each["id"] for each in alive(town)} >= {first, second}


def test_merged_findings_stay_one_when_newer_sightings_fill_the_window(town: Town) -> None:
    first, second = two_findings(town, apart_m=10.0)
    decide(town, DecisionKind.MERGE, first, second)
    fill_window(town, north_m=(0.0, 10.0))

    assert len(alive(town)) == 1


def test_merge_taken_back_after_newer_sightings_filled_the_window_gives_the_old_numbers_back(town: Town) -> None:
    first, second = two_findings(town)
    decision = decide(town, DecisionKind.MERGE, first, second)
    fill_window(town, north_m=(0.0, 20.0))
    undo(town, decision)
    town.work()

    assert {each["id"] for each in alive(town)} == {first, second}


def cases(town: Town) -> dict[UUID, str]:
    """State of the newest case of each finding."""
    return {
        row["finding_id"]: row["state"]
        for row in town.rows("SELECT finding_id, state FROM cases ORDER BY opened_at, id")
    }


def run_jobs(town: Town, *, handling: Handling = BY_HAND) -> None:
    with connect(town.url, autocommit=True) as connection:
        CaseJobs(connection=connection, catalogue=town.catalogue, handling=handling, now=lambda: SAID.at).run()


@pytest.mark.parametrize("handling", [BY_HAND, shipped_handling()], ids=["filed", "dispatched"])
def test_cases_follow_a_merge_and_its_taking_back(town: Town, handling: Handling) -> None:
    first, second = two_findings(town)
    run_jobs(town, handling=handling)
    before = cases(town)
    decision = decide(town, DecisionKind.MERGE, first, second)
    town.work()
    run_jobs(town, handling=handling)
    assert sorted(cases(town).values()) == sorted([before[first], "merged"])
    assert cases(town).keys() == {first, second}

    undo(town, decision)
    town.work()
    run_jobs(town, handling=handling)
    assert cases(town) == before
    run_jobs(town, handling=handling)
    assert cases(town) == before


def test_case_of_a_thing_that_took_another_in_stays_merged(town: Town) -> None:
    """Both cases are of one thing: when the older one ends as a false alarm, the younger one does not come back."""
    first, second = two_findings(town)
    decide(town, DecisionKind.MERGE, second, first)
    town.work()
    run_jobs(town)
    town.change("UPDATE cases SET state = 'rejected', is_false_alarm = true WHERE state <> 'merged'")
    run_jobs(town)

    assert sorted(cases(town).values()) == ["merged", "rejected"]


def test_contrary_decision_is_refused_until_the_first_is_taken_back(town: Town) -> None:
    first, second = two_findings(town)
    decision = decide(town, DecisionKind.DIFFERENT, first, second)

    with pytest.raises(DecisionError, match="says the contrary"):
        decide(town, DecisionKind.MERGE, first, second)
    undo(town, decision)
    decide(town, DecisionKind.MERGE, first, second)
    with pytest.raises(DecisionError, match="took it back already"):
        undo(town, decision)


def test_finding_that_is_not_there_or_far_away_is_refused(town: Town) -> None:
    first, second = two_findings(town, apart_m=200.0)

    with pytest.raises(DecisionError, match="200 m apart"):
        decide(town, DecisionKind.MERGE, first, second)
    with pytest.raises(DecisionNotFoundError):
        decide(town, DecisionKind.MERGE, first, UUID(int=1))
