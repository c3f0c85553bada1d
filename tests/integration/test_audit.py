"""Tampering with the histories shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg import IsolationLevel

from busense.local.postgres import LocalPostgres
from cloud.cases import decisions
from cloud.cases.actions import CaseActions
from cloud.cases.audit import Verdict, read_head, seal, verify
from cloud.cases.model import Action, Actor, Reason, Role
from cloud.cases.orders import Order
from cloud.cases.seals import Head, read_head_text
from cloud.db.pool import connect
from cloud.findings.decisions import DecisionKind
from cloud.furniture import decisions as furniture
from tests.conftest import create_database, drop_database
from tests.integration.test_furniture import Street, sign
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


DESK = Actor(name="desk", role=Role.OPERATOR)
WORDS = Reason(zh="看过照片", en="看过照片")


@pytest.fixture(scope="module")
def judged(postgres: LocalPostgres, template_database: str) -> Iterator[Town]:
    """Two findings that somebody kept apart and two that were merged for a while; a case rejected and one corrected.

    Beside the road a sign that was removed on purpose, and another of which that was taken back.
    """
    create_database(postgres, "test_judged", template=template_database)
    town = Town(url=postgres.url("test_judged"))
    for number in range(3):
        for north_m in (0.0, 20.0, 40.0):
            town.sees(bus=BUSES[number], minutes=10 * number, north_m=north_m)
    town.store()
    town.work()
    first, second, third = (UUID(str(finding["id"])) for finding in town.findings())
    said = decisions.Said(actor="desk", at=datetime.now(UTC), reason="看过照片")
    with connect(town.url) as connection:
        decisions.decide_pair(connection, DecisionKind.DIFFERENT, first=first, second=second, said=said)
        merged = decisions.decide_pair(connection, DecisionKind.MERGE, first=second, second=third, said=said)
        decisions.undo(connection, merged, said=said)
        door = CaseActions(connection=connection, catalogue=town.catalogue, actor=DESK, at=said.at)
        one, other, _ = connection.execute("SELECT id FROM cases ORDER BY number").fetchall()
        door.act(one[0], Order(action=Action.REJECT, reason=WORDS))
        door.act(other[0], Order(action=Action.CORRECT, reason=WORDS, class_code="D20"))
    street = Street(town)
    street.imports(sign("first"), sign("second", number=2), sign("third", number=3))
    removed, taken_back, _ = (UUID(str(thing["id"])) for thing in street.things())
    with connect(town.url) as connection:
        for thing in (removed, taken_back):
            furniture.remove(connection, thing, actor="desk", reason="路口改造", at=said.at)
        furniture.remove(connection, removed, actor="other", reason="again", at=said.at)
        furniture.keep(connection, taken_back, actor="desk", reason="还在", at=said.at)
        furniture.keep(connection, taken_back, actor="other", reason="again", at=said.at)
    seal_all(town)
    yield town
    drop_database(postgres, "test_judged")


def test_what_people_say_of_findings_is_in_the_chain(judged: Town) -> None:
    assert verdict(judged).faults == ()
    lines = judged.rows("SELECT action, from_state, to_state, actor FROM finding_decision_history ORDER BY action")
    assert [tuple(line.values()) for line in lines] == [
        ("different", None, "standing", "desk"),
        ("merge", None, "standing", "desk"),
        ("undo", "standing", "undone", "desk"),
    ]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM finding_decisions WHERE kind = 'different'", "is in its history, but was taken out"),
        ("UPDATE finding_decisions SET kind = 'merge' WHERE kind = 'different'", "is not what its history says"),
        ("UPDATE finding_decisions SET actor = 'nobody' WHERE kind = 'different'", "is not what its history says"),
        ("UPDATE finding_decisions SET reason = '' WHERE kind = 'different'", "is not what its history says"),
        ("UPDATE finding_decisions SET first_observations = '{}' WHERE kind = 'merge'", "is not what its history says"),
        ("UPDATE finding_decisions SET undone_at = NULL, undone_by = NULL", "is not what its history says"),
        (
            "UPDATE finding_decisions SET undone_at = now(), undone_by = 'desk' WHERE kind = 'different'",
            "is not what its history says",
        ),
        ("DELETE FROM finding_decision_history WHERE action = 'undo'", "is not what its history says"),
        ("DELETE FROM finding_decision_history WHERE action = 'different'", "has no history"),
        ("UPDATE finding_decision_history SET actor = 'nobody' WHERE serial = 2", "line 2 was changed"),
    ],
    ids=[
        "taken out",
        "what",
        "who",
        "why",
        "of which sightings",
        "taken back no longer",
        "taken back by nobody",
        "taking back not written",
        "history taken out",
        "line changed",
    ],
)
def test_tampering_with_a_decision_on_findings_names_it(judged: Town, statement: LiteralString, fault: str) -> None:
    named = [each for each in faults_after(judged, statement) if fault in each]

    ids = [str(row["id"]) for row in judged.rows("SELECT id FROM finding_decisions")]
    assert any(each.startswith(f"decision on findings {decision}") for each in named for decision in ids)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM case_verdicts WHERE verdict = 'false_alarm'",
        "UPDATE case_verdicts SET verdict = 'confirmed', true_class = 'D40' WHERE verdict = 'false_alarm'",
        "UPDATE case_verdicts SET true_class = 'D10' WHERE verdict = 'other_class'",
        "UPDATE case_verdicts SET actor = 'nobody' WHERE verdict = 'other_class'",
        "UPDATE case_verdicts SET serial = serial + 1 WHERE verdict = 'other_class'",
    ],
)
def test_tampering_with_what_was_said_of_a_finding_in_its_case_names_the_case(
    judged: Town, statement: LiteralString
) -> None:
    faults = faults_after(judged, statement)

    assert {each.split(":")[1] for each in faults} == {" what was said of its finding is not what its history says"}


def test_what_people_say_of_things_is_in_the_chain(judged: Town) -> None:
    things = judged.rows("SELECT id, reference FROM inventory.things")
    names = {str(thing["id"]): thing["reference"] for thing in things}
    lines = judged.rows("SELECT * FROM inventory.removal_history ORDER BY removal, serial")
    told = [
        (names[line["details"]["thing"]], line["serial"], line["action"], line["actor"], line["to_state"])
        for line in lines
    ]
    assert sorted(told) == [
        ("first", 1, "remove", "desk", "removed"),
        ("second", 1, "remove", "desk", "removed"),
        ("second", 2, "keep", "desk", "kept"),
    ]


_NOT_REMOVED: LiteralString = (
    "UPDATE inventory.things SET state = 'seen', removal = NULL, removed_at = NULL WHERE reference = 'first'"
)
_REMOVED_TOO: LiteralString = """
UPDATE inventory.things t SET state = 'removed', removal = o.removal, removed_at = o.removed_at,
    removed_by = o.removed_by, removed_reason = o.removed_reason
FROM inventory.things o WHERE o.reference = 'first' AND t.reference = 'third'
"""


_REMOVED_BY_NOBODY: LiteralString = """
UPDATE inventory.things SET state = 'removed', removal = gen_random_uuid(), removed_at = now() WHERE reference = 'third'
"""


@pytest.mark.parametrize(
    ("statement", "name", "fault"),
    [
        (_NOT_REMOVED, "first", "is not removed, but its history says so"),
        ("DELETE FROM inventory.things WHERE reference = 'first'", "first", "is not removed, but its history says so"),
        (_REMOVED_TOO, "third", "is not removed as its history says"),
        (
            "UPDATE inventory.things SET removed_by = 'nobody' WHERE reference = 'first'",
            "first",
            "is not removed as its history says",
        ),
        (
            "UPDATE inventory.things SET removed_at = now() WHERE reference = 'first'",
            "first",
            "is not removed as its history says",
        ),
        (
            "UPDATE inventory.things SET removed_reason = '' WHERE reference = 'first'",
            "first",
            "is not removed as its history says",
        ),
        (
            _REMOVED_BY_NOBODY,
            "third",
            "is removed, but no history says so",
        ),
        ("DELETE FROM inventory.removal_history", "first", "is removed, but no history says so"),
        ("DELETE FROM inventory.removal_history WHERE serial = 2", "second", "is not removed, but its history says so"),
    ],
    ids=[
        "removed no longer",
        "taken out",
        "removed as another",
        "who",
        "when",
        "why",
        "removed by nobody",
        "history taken out",
        "taking back taken out",
    ],
)
def test_tampering_with_a_thing_that_was_removed_names_it(
    judged: Town, statement: LiteralString, name: str, fault: str
) -> None:
    (thing,) = judged.rows("SELECT id FROM inventory.things WHERE reference = %s", name)

    assert f"thing {thing['id']} {fault}" in faults_after(judged, statement)


def faults_after(town: Town, statement: LiteralString) -> tuple[str, ...]:
    """What is found after tampering that is not kept."""
    with connect(town.url) as connection:
        connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)
        found = verify(connection, at=datetime.now(UTC)).faults
        connection.rollback()
    return found
