"""Work that fails by its own fault is set aside with its reason, and everything else goes on."""

from datetime import timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from cloud.cases.model import Action
from cloud.commands.aside import aside
from cloud.db.aside import Kind, subjects
from cloud.db.pool import connect
from cloud.errors import CloudError
from cloud.roads.imports import import_roads
from cloud.roads.segments import join_roads
from tests.integration import test_case_jobs, test_notify
from tests.integration.ingest_database import query, value
from tests.integration.test_case_jobs import DESK, OPENED, Desk
from tests.integration.test_condition_step import MAIN, SIDE, conditions, update
from tests.integration.test_notify import Receiver, deliveries, notify, webhooks
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import AT

desk, receiver = test_case_jobs.desk, test_notify.receiver  # fixtures
CHECK_VIOLATION, OUT_OF_BOUNDS, DISK_FULL = "23514", "54000", "53100"


def poison(url: str, table: LiteralString, condition: LiteralString, *, code: str = CHECK_VIOLATION) -> None:
    """Let the database refuse some rows of a table."""
    statement = """
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned' USING ERRCODE = {}; END $$;
    CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION poison();
    """
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL(statement).format(sql.Literal(code), sql.Identifier(table), sql.SQL(condition)))


def heal(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP FUNCTION poison CASCADE")


def set_aside(url: str) -> list[tuple[str, str]]:
    return [(kind, reason) for kind, reason in query(url, "SELECT kind, reason FROM set_aside ORDER BY id")]


@pytest.fixture
def town(database: str, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    return Town(url=database)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(aside, list(arguments))


@pytest.mark.parametrize("code", [CHECK_VIOLATION, OUT_OF_BOUNDS])
def test_observation_that_cannot_be_fused_is_set_aside_alone_and_given_back(town: Town, code: str) -> None:
    poison(town.url, "finding_observations", "NEW.device = 'bus-3'", code=code)
    for number in range(1, 5):
        town.sees(bus=f"bus-{number}", minutes=10 * number)
        town.sees(bus=f"bus-{number}", minutes=10 * number + 1, north_m=300)
    town.store()

    town.work()
    assert [finding["passes_seen"] for finding in town.findings()] == [3, 3]
    assert [kind for kind, _ in set_aside(town.url)] == ["fusion", "fusion"]
    assert value(town.url, "SELECT count(*) FROM fusion_queue") == 0
    assert "fusion\t" in call("list").output
    assert "poisoned" in call("list").output

    heal(town.url)
    assert call("return", "--all").output == "2 will be tried again\n"
    town.work()
    assert [finding["passes_seen"] for finding in town.findings()] == [4, 4]
    assert call("list").output == ""


def test_everything_is_returned_however_much_it_is(town: Town) -> None:
    many = 10_001  # more than a list shows
    town.change(
        "INSERT INTO set_aside (kind, subject, reason, detail, at)"
        " SELECT 'merge', jsonb_build_object('case_id', n), 'CheckViolation', '', now() FROM generate_series(1, %s) n",
        many,
    )
    assert call("return", "--all").output == f"{many} will be tried again\n"


def test_full_disk_sets_nothing_aside(town: Town) -> None:
    poison(town.url, "finding_observations", "TRUE", code=DISK_FULL)
    town.sees()
    town.store()
    with pytest.raises(psycopg.OperationalError):
        town.work()
    assert set_aside(town.url) == []
    assert value(town.url, "SELECT count(*) FROM fusion_queue") == 1


def test_timer_that_cannot_be_rung_does_not_hold_up_the_next_one(desk: Desk) -> None:
    desk.act(DESK, Action.FILE, at=OPENED)
    poison(desk.town.url, "case_history", "NEW.action = 'warn'")
    desk.run(OPENED + timedelta(days=200))
    assert [kind for kind, _ in set_aside(desk.town.url)] == ["timer"]
    assert "overdue" in desk.taken()

    heal(desk.town.url)
    with connect(desk.town.url) as connection:
        assert [subject["kind"] for subject in subjects(connection, Kind.TIMER)] == ["warn"]


def test_case_that_cannot_be_dispatched_is_tried_once(desk: Desk) -> None:
    desk.handling = desk.handling.model_copy(
        update={"dispatch": desk.handling.dispatch.model_copy(update={"by_itself": True})}
    )
    desk.act(DESK, Action.FILE, at=OPENED)
    poison(desk.town.url, "case_history", "NEW.action = 'dispatch'")
    assert desk.run(OPENED) == 0
    heal(desk.town.url)
    assert desk.run(OPENED) == 0
    assert [kind for kind, _ in set_aside(desk.town.url)] == ["dispatch"]


def test_event_that_cannot_be_told_does_not_hold_up_the_others(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    for street in range(3):
        town.sees(bus="bus-1", north_m=300.0 * street)
        town.sees(bus="bus-2", minutes=10, north_m=300.0 * street)
    town.store()
    town.work()
    poison(town.url, "deliveries", "NEW.case_id = (NEW.payload -> 'data' -> 'case' ->> 'id')::uuid AND NEW.serial = 2")
    poisoned = value(town.url, "SELECT count(*) FROM case_events WHERE serial = 2")
    others = value(town.url, "SELECT count(*) FROM case_events WHERE serial <> 2")
    notify(town, webhooks(receiver, tmp_path))
    assert len(set_aside(town.url)) == poisoned > 0
    assert {row["state"] for row in deliveries(town)} <= {"sent"}
    assert len(deliveries(town)) <= others


def test_segment_that_cannot_be_assessed_does_not_hold_up_the_others(town: Town) -> None:
    with connect(town.url) as connection:
        import_roads(connection, join_roads([MAIN, SIDE]), at=AT)
    poison(town.url, "segment_conditions", "NEW.surveyed_share > 0.9")
    town.looks()
    town.looks(line_m=((0.0, 0.0), (100.0, 0.0)), heading_deg=90.0)
    town.store()
    update(town)
    assert {kind for kind, _ in set_aside(town.url)} == {"segment"}
    assert {road for road, _ in conditions(town)} == {"main"}
    assert value(town.url, "SELECT count(*) FROM segments_to_assess") == 0

    heal(town.url)
    call("return", "--all")
    update(town)
    assert {road for road, _ in conditions(town)} == {"main", "side"}


def test_work_that_is_discarded_is_not_tried_again(town: Town) -> None:
    poison(town.url, "finding_observations", "NEW.device = 'bus-3'")
    town.sees(bus="bus-3")
    town.store()
    town.work()
    assert call("discard", "1", "--reason", "a broken camera").exit_code == 0
    assert call("list").output == ""
    assert "command line\tdiscard\ta broken camera" in call("show", "1").output
    assert isinstance(call("return", "--id", "1").exception, CloudError)
    with connect(town.url) as connection:
        assert [subject["device"] for subject in subjects(connection, Kind.FUSION)] == ["bus-3"]
