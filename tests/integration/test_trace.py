"""The way of one event from the bus to who is told of its case."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from cloud.commands.trace import trace
from cloud.errors import CloudError
from tests.conftest import PLAIN, TIMESCALE
from tests.integration import test_notify
from tests.integration.test_notify import Receiver, notify, webhooks
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import Outbox
from wire.messages import COUNTED_KINDS, Kind

pytestmark = pytest.mark.kinds_of_database(PLAIN, TIMESCALE)
receiver = test_notify.receiver  # a fixture


@pytest.fixture
def town(database: str, monkeypatch: pytest.MonkeyPatch) -> Town:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    return Town(url=database)


def call(event_id: object) -> Result:
    return CliRunner().invoke(trace, [str(event_id)])


def test_event_is_followed_from_the_bus_to_who_is_told(town: Town, receiver: Receiver, tmp_path: Path) -> None:
    seen = json.loads(town.sees(bus="bus-1").payload)["id"]
    town.sees(bus="bus-2", minutes=10)
    town.store()
    assert "waits for the worker" in call(seen).output
    town.work()
    notify(town, webhooks(receiver, tmp_path))

    lines = call(seen).output.splitlines()
    order = [line[26:50].strip() for line in lines]
    assert order[:3] == ["observed on the bus", "taken by the broker", "belongs to a finding"]
    assert "case: file" in order
    assert "case: told" in order
    assert "waits for the worker" not in order


def test_an_id_of_a_time_that_no_calendar_has_is_none_of_an_event(town: Town) -> None:
    assert town.url
    assert "is no event's id" in call("ffffffff-ffff-7fff-bfff-ffffffffffff").output


@pytest.mark.parametrize("kind", sorted(COUNTED_KINDS))
def test_every_kind_that_is_stored_is_found(town: Town, kind: Kind) -> None:
    message = Outbox(device="bus-1").message(kind)
    town.store([message])
    assert f"stored as {kind.value} in " in call(json.loads(message.payload)["id"]).output


def test_event_in_quarantine_is_found(town: Town) -> None:
    bad = town.outboxes.setdefault("bus-1", Outbox()).message(Kind.DETECTION, lat="north")
    event_id = json.loads(bad.payload)["id"]
    with pytest.raises(AssertionError):
        town.store([bad])
    assert "put into quarantine" in call(event_id).output
    assert "bad_data" in call(event_id).output


def test_event_that_nobody_knows_is_said(town: Town) -> None:
    unknown = UUID("019ab4d2-3f00-7abc-8def-0123456789ab")
    assert isinstance(call(unknown).exception, CloudError)
    assert call(uuid4()).exit_code == 2
