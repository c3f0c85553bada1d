"""What happens to cases by itself, against a real database and with the time as an argument."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cloud.cases.actions import CaseActions
from cloud.cases.handling import Handling, shipped_handling
from cloud.cases.lifecycle import ENDED
from cloud.cases.model import Action, Actor, CaseState, Reason, Role
from cloud.cases.orders import Order
from cloud.cases.repository import CaseOfFinding, lock_case
from cloud.db.pool import connect
from cloud.findings.model import Severity
from cloud.work.case_jobs import FUSION, CaseJobs
from cloud.work.proposals import decide, read_findings
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import AT
from tests.waiting import wait_until

WORDS = Reason(zh="", en="")
DESK = Actor(name="desk", role=Role.OPERATOR)
CREW = Actor(name="crew-1", role=Role.CREW, unit="roads", crew="roads-1")
OPENED = datetime(2026, 11, 25, 1, tzinfo=UTC)  # a Wednesday, nine o'clock in China
BY_HAND = shipped_handling().model_copy(
    update={"dispatch": shipped_handling().dispatch.model_copy(update={"by_itself": False})}
)


@dataclass(kw_only=True)
class Desk:
    """People and the worker, at any time."""

    town: Town
    handling: Handling = field(default_factory=lambda: BY_HAND)

    def act(self, actor: Actor, action: Action, *, at: datetime, **more: Any) -> None:  # noqa: ANN401
        with connect(self.town.url) as connection:
            actions = CaseActions(
                connection=connection, catalogue=self.town.catalogue, handling=self.handling, actor=actor, at=at
            )
            actions.act(self.case()["id"], Order(action=action, reason=WORDS, **more))

    def run(self, at: datetime) -> int:
        with connect(self.town.url, autocommit=True) as connection:
            jobs = CaseJobs(
                connection=connection, catalogue=self.town.catalogue, handling=self.handling, now=lambda: at
            )
            return jobs.run()

    def case(self) -> dict[str, Any]:
        (case,) = self.town.rows("SELECT * FROM cases")
        return case

    def taken(self) -> list[str]:
        return [line["action"] for line in self.town.rows("SELECT action FROM case_history ORDER BY serial")]

    def repair(self, *, at: datetime) -> None:
        self.act(DESK, Action.FILE, at=at)
        self.act(DESK, Action.DISPATCH, at=at, crew="roads-1")
        self.act(CREW, Action.ACCEPT, at=at)
        self.act(CREW, Action.DONE, at=at)


@pytest.fixture
def desk(database: str) -> Desk:
    """A desk with one crack that a person has to file."""
    town = Town(url=database)
    town.sees(bus="bus-1", class_code="D00")
    town.sees(bus="bus-2", minutes=10, class_code="D00")
    town.store()
    town.work()
    return Desk(town=town)


def test_warning_overdue_and_escalation_come_once_and_in_order(desk: Desk) -> None:
    desk.act(DESK, Action.FILE, at=OPENED)
    due_at = desk.case()["due_at"]

    assert desk.run(OPENED) == 0
    assert desk.run(due_at - timedelta(minutes=1)) == 1
    assert desk.run(due_at + timedelta(minutes=1)) == 1
    assert desk.run(due_at + timedelta(days=60)) == 2
    assert desk.run(due_at + timedelta(days=60)) == 0
    assert desk.taken()[-4:] == ["warn", "overdue", "escalate", "escalate"]
    assert desk.case()["escalation"] == 2
    assert desk.case()["overdue_at"] is not None


def test_timers_fire_once_with_several_workers(desk: Desk) -> None:
    desk.act(DESK, Action.FILE, at=OPENED)
    late = desk.case()["due_at"] + timedelta(days=90)
    threads = [threading.Thread(target=desk.run, args=(late,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(desk.taken()[2:]) == ["escalate", "escalate", "overdue", "warn"]


def test_case_that_is_done_in_time_is_never_overdue(desk: Desk) -> None:
    desk.repair(at=OPENED)

    desk.run(OPENED + timedelta(days=2))
    assert "overdue" not in desk.taken()


def test_suspension_moves_the_deadline(desk: Desk) -> None:
    desk.act(DESK, Action.FILE, at=OPENED)
    desk.act(DESK, Action.DISPATCH, at=OPENED, crew="roads-1")
    due_at = desk.case()["due_at"]
    pause = timedelta(days=14)
    desk.act(DESK, Action.SUSPEND, at=OPENED, until=OPENED + pause)
    assert desk.run(due_at + timedelta(days=1)) >= 1
    case = desk.case()

    assert case["state"] == "dispatched"
    assert case["due_at"] > due_at
    assert desk.taken()[-1] == "resume"


def test_correction_knows_of_suspensions_that_have_ended(desk: Desk) -> None:
    desk.act(DESK, Action.FILE, at=OPENED)
    desk.act(DESK, Action.DISPATCH, at=OPENED, crew="roads-1")
    desk.act(DESK, Action.SUSPEND, at=OPENED + timedelta(hours=1), until=OPENED + timedelta(days=2))
    desk.act(DESK, Action.RESUME, at=OPENED + timedelta(days=1, hours=1))
    desk.act(DESK, Action.RETURN, at=OPENED + timedelta(days=1, hours=2))
    desk.act(DESK, Action.CORRECT, at=OPENED + timedelta(days=1, hours=3), class_code="D40", severity=Severity.HEAVY)

    assert desk.case()["due_at"] == OPENED + timedelta(days=2)  # 24 hours round the clock, and a day of suspension


def test_filed_case_is_dispatched_by_itself_to_a_crew_with_time(desk: Desk) -> None:
    desk.handling = shipped_handling()
    desk.act(DESK, Action.FILE, at=OPENED)

    assert desk.run(OPENED) == 1
    assert desk.case()["state"] == "dispatched"
    assert desk.case()["crew"] in desk.handling.crews


def after_minutes(at: datetime, minutes: float) -> float:
    """Minutes of the town's clock."""
    return (at - AT).total_seconds() / 60 + minutes


def test_repair_is_verified_by_buses_that_see_nothing_and_closed_later(desk: Desk) -> None:
    done_at = AT + timedelta(hours=1)
    desk.repair(at=done_at)
    for number in range(12):
        desk.town.looks(bus="bus-3", minutes=after_minutes(done_at, 10 * (number + 1)))
    desk.town.store()
    desk.town.work()
    now = done_at + timedelta(hours=3)

    assert desk.run(now) == 1
    assert desk.case()["state"] == "verified"
    assert desk.run(now + timedelta(days=20)) == 1
    assert desk.case()["state"] == "closed"


def test_buses_that_passed_before_the_repair_prove_nothing(desk: Desk) -> None:
    done_at = AT + timedelta(hours=10)
    desk.repair(at=done_at)
    for number in range(12):
        desk.town.looks(bus="bus-3", minutes=after_minutes(done_at, -200 + 10 * number))
    desk.town.store()
    desk.town.work()

    assert desk.run(done_at + timedelta(minutes=5)) == 0
    assert desk.case()["state"] == "done"


def test_sighting_after_the_repair_opens_the_case_again(desk: Desk) -> None:
    done_at = AT + timedelta(hours=1)
    desk.repair(at=done_at)
    desk.town.sees(bus="bus-3", minutes=after_minutes(done_at, 30), class_code="D00", confidence=0.8)
    desk.town.store()
    desk.town.work()

    assert desk.run(done_at + timedelta(hours=1)) == 1
    case = desk.case()
    assert (case["state"], case["reopened"]) == ("reopened", 1)
    assert case["due_at"] > done_at
    assert len(desk.town.rows("SELECT * FROM case_sightings")) == 3


def verified(desk: Desk) -> datetime:
    done_at = AT + timedelta(hours=1)
    desk.repair(at=done_at)
    desk.act(DESK, Action.VERIFY, at=done_at + timedelta(hours=1))
    return done_at + timedelta(hours=1)


def test_verified_repair_that_is_seen_again_before_it_is_closed_opens_the_case_again(desk: Desk) -> None:
    verified_at = verified(desk)
    for bus, minutes in (("bus-3", 30), ("bus-4", 40), ("bus-5", 50)):
        after = after_minutes(verified_at, minutes)
        desk.town.sees(bus=bus, minutes=after, class_code="D00", confidence=0.8)
    desk.town.store()
    desk.town.work()

    assert desk.run(verified_at + timedelta(hours=1)) == 1
    assert (desk.case()["state"], desk.case()["reopened"]) == ("reopened", 1)


def test_verified_repair_that_is_passed_unseen_stays_verified(desk: Desk) -> None:
    verified_at = verified(desk)
    desk.town.looks(bus="bus-3", minutes=after_minutes(verified_at, 30))
    desk.town.store()
    desk.town.work()

    assert desk.run(verified_at + timedelta(hours=1)) == 0
    assert desk.case()["state"] == "verified"


def test_sighting_of_before_the_repair_that_comes_after_the_case_was_closed_opens_none(desk: Desk) -> None:
    verified_at = verified(desk)
    desk.act(DESK, Action.CLOSE, at=verified_at)
    desk.town.sees(bus="bus-3", minutes=20, class_code="D00", confidence=0.8)
    desk.town.store()
    desk.town.work()
    assert desk.case()["state"] == "closed"

    desk.town.sees(bus="bus-3", minutes=after_minutes(verified_at, 30), class_code="D00", confidence=0.8)
    desk.town.store()
    desk.town.work()
    assert [case["state"] for case in desk.town.rows("SELECT state FROM cases ORDER BY id")] == ["closed", "reported"]


def test_what_a_person_overtakes_is_left_and_costs_no_message(desk: Desk) -> None:
    case = desk.case()
    as_it_was_read = CaseOfFinding(id=case["id"], state=CaseState.REPORTED, unattached=1)
    desk.act(DESK, Action.REJECT, at=OPENED)
    with connect(desk.town.url) as connection:
        actions = CaseActions(connection=connection, catalogue=desk.town.catalogue, actor=FUSION, at=OPENED)
        (finding,) = read_findings(connection, [case["finding_id"]])
        decide(actions, finding, as_it_was_read)

    assert desk.taken() == ["open", "reject"]


def test_repair_that_no_bus_passes_goes_to_a_person(desk: Desk) -> None:
    desk.repair(at=OPENED)

    assert desk.run(OPENED + timedelta(days=60)) == 1
    assert desk.case()["needs_person"] is True
    assert desk.case()["state"] == "done"
    assert desk.run(OPENED + timedelta(days=90)) == 0


def test_case_that_cannot_be_dispatched_is_left_to_a_person(desk: Desk) -> None:
    rules = shipped_handling()
    desk.handling = rules.model_copy(update={"crews": {}})
    desk.town.change("UPDATE cases SET class_code = 'D99'")
    desk.town.change("UPDATE cases SET state = 'filed'")

    assert desk.run(OPENED) == 0
    assert desk.case()["state"] == "filed"


def test_case_that_a_person_merged_comes_back_when_it_is_seen_after_the_other_was_closed(desk: Desk) -> None:
    desk.town.sees(bus="bus-1", minutes=100, north_m=80, class_code="D00")
    desk.town.sees(bus="bus-2", minutes=110, north_m=80, class_code="D00")
    desk.town.store()
    desk.town.work()
    first, second = (case["id"] for case in desk.town.rows("SELECT id FROM cases ORDER BY id"))
    with connect(desk.town.url) as connection:
        actions = CaseActions(connection=connection, catalogue=desk.town.catalogue, actor=DESK, at=OPENED)
        actions.act(second, Order(action=Action.MERGE, reason=WORDS, into=first))
    desk.run(OPENED)
    desk.town.change("UPDATE cases SET state = 'closed', closed_at = %s WHERE id = %s", AT + timedelta(hours=3), first)
    assert desk.run(OPENED) == 0

    desk.town.sees(bus="bus-3", minutes=200, north_m=80, class_code="D00")
    desk.town.store()
    desk.town.work()
    assert desk.run(OPENED) == 1
    assert states(desk, first, second) == ["closed", "reported"]


def test_cases_of_findings_that_are_one_become_one(desk: Desk) -> None:
    desk.town.sees(bus="bus-1", minutes=100, north_m=80, class_code="D00")
    desk.town.sees(bus="bus-2", minutes=110, north_m=80, class_code="D00")
    desk.town.store()
    desk.town.work()
    first, second = desk.town.rows("SELECT id, finding_id FROM cases ORDER BY id")
    desk.town.change("UPDATE findings SET merged_into = %s WHERE id = %s", first["finding_id"], second["finding_id"])

    assert desk.run(OPENED) == 1
    assert desk.run(OPENED) == 0
    assert states(desk, first["id"], second["id"]) == ["reported", "merged"]

    closed_at = AT + timedelta(minutes=150)
    desk.town.change("UPDATE cases SET state = 'closed', closed_at = %s WHERE id = %s", closed_at, first["id"])
    desk.town.sees(bus="bus-3", minutes=200, class_code="D00")
    desk.town.store()
    desk.town.work()
    found = desk.town.rows("SELECT state FROM cases ORDER BY state")
    assert [case["state"] for case in found] == ["closed", "merged", "reported"]


def test_merges_that_cross_take_both_cases_in_one_order(desk: Desk) -> None:
    """Who waits for the one case has not taken the other, for which somebody else may wait."""
    desk.town.sees(bus="bus-1", minutes=100, north_m=80, class_code="D00")
    desk.town.sees(bus="bus-2", minutes=110, north_m=80, class_code="D00")
    desk.town.store()
    desk.town.work()
    first, second = (case["id"] for case in desk.town.rows("SELECT id FROM cases ORDER BY id"))

    def merge() -> None:
        with connect(desk.town.url) as connection:
            actions = CaseActions(connection=connection, catalogue=desk.town.catalogue, actor=DESK, at=OPENED)
            actions.act(second, Order(action=Action.MERGE, reason=WORDS, into=first))

    merging = threading.Thread(target=merge)
    with connect(desk.town.url) as other:
        lock_case(other, first)
        merging.start()
        wait_until(lambda: bool(desk.town.rows("SELECT FROM pg_locks WHERE NOT granted")))
        lock_case(other, second)
    merging.join()
    assert states(desk, first, second) == ["reported", "merged"]


def merged_twice(desk: Desk) -> tuple[UUID, UUID, UUID]:
    """Three cases of which a person merged the first into the second and that into the third."""
    for north_m in (80, 160):
        desk.town.sees(bus="bus-1", minutes=100, north_m=north_m, class_code="D00")
        desk.town.sees(bus="bus-2", minutes=110, north_m=north_m, class_code="D00")
    desk.town.store()
    desk.town.work()
    rows = desk.town.rows("SELECT c.id FROM cases c JOIN findings f ON f.id = c.finding_id ORDER BY f.lat DESC")
    first, second, third = (row["id"] for row in rows)
    with connect(desk.town.url) as connection:
        actions = CaseActions(connection=connection, catalogue=desk.town.catalogue, actor=DESK, at=OPENED)
        actions.act(first, Order(action=Action.MERGE, reason=WORDS, into=second))
        actions.act(second, Order(action=Action.MERGE, reason=WORDS, into=third))
    assert desk.run(OPENED) == 0
    return first, second, third


def states(desk: Desk, *case_ids: UUID) -> list[str]:
    found = {case["id"]: case["state"] for case in desk.town.rows("SELECT id, state FROM cases")}
    return [found[case_id] for case_id in case_ids]


def test_case_comes_back_when_it_is_seen_after_the_one_where_two_merges_led_was_closed(desk: Desk) -> None:
    first, second, third = merged_twice(desk)
    closed_at = AT + timedelta(minutes=150)
    desk.town.change("UPDATE cases SET state = 'closed', closed_at = %s WHERE id = %s", closed_at, third)
    desk.town.sees(bus="bus-3", minutes=200, north_m=160, class_code="D00")
    desk.town.store()
    desk.town.work()

    assert desk.run(OPENED) == 1
    assert states(desk, first, second, third) == ["reported", "merged", "closed"]


def test_case_comes_back_when_the_one_into_which_it_was_merged_is_withdrawn(desk: Desk) -> None:
    _, second, third = merged_twice(desk)
    desk.town.change("UPDATE cases SET state = 'rejected' WHERE id = %s", third)

    assert desk.run(OPENED) > 0
    assert states(desk, second, third) == ["reported", "rejected"]


def test_case_of_new_years_morning_is_of_the_new_year(desk: Desk) -> None:
    (finding,) = desk.town.rows("SELECT id FROM findings")
    desk.town.change("UPDATE cases SET state = 'closed'")
    with connect(desk.town.url) as connection:
        opened = CaseActions(
            connection=connection,
            catalogue=desk.town.catalogue,
            actor=DESK,
            at=datetime(2026, 12, 31, 17, tzinfo=UTC),  # one o'clock in China
        ).open_case(city="testcity", finding_id=finding["id"], class_code="D00", severity=Severity.LIGHT, reason=WORDS)

    assert desk.town.rows("SELECT number FROM cases WHERE id = %s", opened) == [{"number": "testcity-2027-000001"}]


def test_overdue_case_whose_corrected_limit_is_to_come_is_not_overdue(desk: Desk) -> None:
    desk.act(DESK, Action.FILE, at=OPENED)
    desk.act(DESK, Action.CORRECT, at=OPENED, severity=Severity.HEAVY)
    late = desk.case()["due_at"] + timedelta(minutes=1)
    desk.run(late)
    assert desk.case()["overdue_at"] == late
    desk.act(DESK, Action.CORRECT, at=late, severity=Severity.LIGHT)

    assert desk.case()["due_at"] > late
    assert (desk.case()["overdue_at"], desk.case()["escalation"]) == (None, 0)


def test_the_database_knows_the_same_states_as_the_end_of_a_case(desk: Desk) -> None:
    ended = desk.town.rows("SELECT state FROM unnest(%s::text[]) AS state WHERE is_ended(state)", list(CaseState))
    assert {row["state"] for row in ended} == set(ENDED)
