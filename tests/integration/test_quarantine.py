"""Listing, showing and replaying what could not be stored, through the command line."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cloud.commands.fleet import fleet
from cloud.commands.quarantine import quarantine
from cloud.errors import CloudError, UnavailableError
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from tests.integration.ingest_database import enrol_devices, handler_with, query, value
from tests.unit.cloud.ingest.messages import Outbox, golden_data
from wire.messages import Kind


@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    return database


def call(*arguments: str) -> Result:
    return CliRunner().invoke(quarantine, list(arguments), catch_exceptions=True)


def store(url: str, *deliveries: Delivery) -> None:
    async def run() -> None:
        async with open_handler(url) as handler:
            await handler.store(deliveries)

    asyncio.run(run())


def test_message_is_replayed_after_its_device_was_enrolled(environment: str, tmp_path: object) -> None:
    store(environment, Outbox().message())
    assert "unknown_device" in call("list").output
    enrolled = CliRunner().invoke(fleet, ["enrol", "bus-1", "--secret-file", f"{tmp_path}/secret"])
    assert enrolled.exit_code == 0, enrolled.output
    assert "stored 1, 0 stay" in call("replay", "--all").output
    assert value(environment, "SELECT count(*) FROM observations") == 1
    assert value(environment, "SELECT redelivered FROM device_streams") == 0
    assert call("list").output == ""


@pytest.mark.parametrize("words", [("list",), ("show", "1"), ("replay", "--all"), ("discard", "1", "--reason", "old")])
def test_a_database_that_is_away_is_said_at_once(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", "postgresql://nobody@127.0.0.1:9/none")
    assert isinstance(call(*words).exception, UnavailableError)


def test_what_is_still_bad_stays_with_its_reason(environment: str) -> None:
    store(environment, Outbox().delivery(Kind.STATE, b"bad"))
    result = call("replay", "--id", "1")
    assert isinstance(result.exception, CloudError)
    assert "stays in the quarantine" in str(result.exception)
    assert query(environment, "SELECT reason, replayed_at FROM quarantine") == [("not_json", None)]


def test_message_that_failed_again_and_then_came_anew_waits_again(environment: str) -> None:
    message = Outbox().message()

    async def run() -> None:
        async with handler_with(environment) as handler:
            await handler.store([message])

    store(environment, message)
    asyncio.run(run())
    assert "stored 1, 0 stay" in call("replay", "--all").output
    assert value(environment, "SELECT count(*) FROM observations") == 1


RULE = """
name = "latitude"
reason = "bad_data"
topic = "busense/v1/*/bus-1/*"
rename = { "/data/latitude" = "/data/lat" }
"""


def test_message_mended_by_a_rule_is_stored_and_its_bytes_stay_as_they_came(environment: str, tmp_path: Path) -> None:
    data = golden_data(Kind.DETECTION)
    data["latitude"] = data.pop("lat")
    outbox = Outbox()
    wrong = [outbox.envelope(Kind.DETECTION, {"data": data}), outbox.delivery(Kind.STATE, b"bad")]
    enrol_devices(environment, ["bus-1"])
    store(environment, *wrong)
    rule = tmp_path / "rule.toml"
    rule.write_text(RULE)

    assert "stored 1, 0 stay" in call("replay", "--all", "--rule", str(rule)).output
    assert value(environment, "SELECT lat FROM observations") == golden_data(Kind.DETECTION)["lat"]
    kept = query(environment, "SELECT payload, mended_by FROM quarantine ORDER BY mended_by NULLS LAST")
    assert kept == [(wrong[0].payload, "latitude"), (wrong[1].payload, None)]


def test_message_that_a_rule_does_not_mend_stays_once_with_its_new_reason(environment: str, tmp_path: Path) -> None:
    enrol_devices(environment, ["bus-1"])
    store(environment, Outbox().message(Kind.DETECTION, lat="north"))
    rule = tmp_path / "rule.toml"
    rule.write_text('name = "x"\nreason = "bad_data"\nset = { "/type" = "busense.rumour.v1" }')
    assert "stored 0, 1 stay" in call("replay", "--all", "--rule", str(rule)).output
    assert query(environment, "SELECT reason, replayed_at FROM quarantine") == [("unknown_type", None)]


def test_rule_that_is_none_is_said_with_its_line(environment: str, tmp_path: Path) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text('name = "x"\nreason = "bad_data"\nremove = ["data"]')
    assert "rule.toml, line 3" in str(call("replay", "--all", "--rule", str(rule)).exception)


def test_message_is_shown_with_its_bytes(environment: str) -> None:
    store(environment, Outbox().delivery(Kind.STATE, json.dumps({"type": "busense.rumour.v1"}).encode()))
    shown = call("show", "1").output
    assert "reason: unknown_type" in shown
    assert '{"type": "busense.rumour.v1"}' in shown


def test_a_message_does_not_steer_the_terminal_of_who_looks_at_it(environment: str) -> None:
    store(environment, Outbox().delivery(Kind.STATE, "路\x1b]0;owned\x07\x9b2J\n".encode()))
    shown = call("show", "1").output
    assert "路\\x1b]0;owned\\x07\\x9b2J" in shown


@pytest.mark.parametrize("arguments", [["show", "77"], ["replay", "--id", "77"]])
def test_number_that_is_not_there_is_said(environment: str, arguments: list[str]) -> None:
    assert "no" in str(call(*arguments).exception)


def test_replay_wants_to_know_what(environment: str) -> None:
    assert call("replay").exit_code == 2


def test_a_message_that_nobody_wants_is_discarded_for_a_reason(environment: str) -> None:
    store(environment, Outbox().delivery(Kind.STATE, b"bad"))
    assert call("discard", "1", "--reason", "a test bench").exit_code == 0
    assert call("list").output == ""
    shown = call("show", "1").output
    assert "payload (3 bytes): bad" in shown
    assert "command line\tdiscard\ta test bench" in shown
    assert isinstance(call("discard", "1", "--reason", "again").exception, CloudError)


def test_each_try_is_recorded(environment: str) -> None:
    store(environment, Outbox().delivery(Kind.STATE, b"bad"))
    call("replay", "--id", "1")
    assert query(environment, "SELECT actor, action, details ->> 'is_stored' FROM upkeep_log") == [
        ("command line", "replay", "false")
    ]
