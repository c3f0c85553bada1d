# ruff: noqa: ANN401 - JSON is of any type
"""Messages of the quarantine and work set aside, over HTTP: seen, mended, tried again, given up, and recorded."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.ingest_database import enrol_devices, query, value
from tests.integration.test_set_aside import heal, poison
from tests.integration.town import Town
from tests.unit.cloud.ingest.messages import Outbox, golden_data
from wire.messages import Kind

RULE = {"name": "latitude", "reason": "bad_data", "rename": {"/data/latitude": "/data/lat"}}
WAITING = "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL"


@pytest.fixture
def engineer(database: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """The browser of somebody who looks after buses."""
    add_people(database, Wish(name="wang", role=Role.FLEET))
    with running_server(database, tmp_path) as (_, address), browser_at(address) as client:
        assert sign_in(client, "wang").status_code == 201
        yield client


def store(url: str, *deliveries: Delivery) -> None:
    async def run() -> None:
        async with open_handler(url) as handler:
            await handler.store(deliveries)

    asyncio.run(run())


def misspelt(outbox: Outbox) -> Delivery:
    """A detection with a latitude under another name, as an old bus might send it."""
    message = outbox.message(Kind.DETECTION)
    document = json.loads(message.payload)
    document["data"]["latitude"] = document["data"].pop("lat")
    return Delivery(topic=message.topic, payload=json.dumps(document).encode(), received_at=message.received_at)


def answer(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def test_messages_are_listed_by_state_and_reason_page_by_page(engineer: httpx.Client, database: str) -> None:
    outbox = Outbox()
    store(database, *(outbox.delivery(Kind.STATE, f"bad {number}".encode()) for number in range(3)), outbox.message())
    page = answer(engineer.get("/quarantine", params={"state": "waiting", "limit": 2}))
    assert [item["id"] for item in page["items"]] == [4, 3]
    assert page["waiting"] == [{"reason": "not_json", "count": 3}, {"reason": "unknown_device", "count": 1}]
    following = answer(engineer.get("/quarantine", params={"state": "waiting", "limit": 2, "cursor": page["next"]}))
    assert ([item["id"] for item in following["items"]], following["next"]) == ([2, 1], None)
    only = answer(engineer.get("/quarantine", params={"reason": "unknown_device"}))
    assert [(item["reason"], item["state"]) for item in only["items"]] == [("unknown_device", "waiting")]


def test_a_rule_is_tried_on_a_message_before_it_mends_it(engineer: httpx.Client, database: str) -> None:
    enrol_devices(database, ["bus-1"])
    store(database, misspelt(Outbox()))
    shown = answer(engineer.get("/quarantine/1"))
    assert json.loads(shown["payload"])["data"]["latitude"] == golden_data(Kind.DETECTION)["lat"]

    seen = answer(engineer.post("/quarantine/1/mend", json=RULE | {"rename": {}}))
    assert (seen["is_for_it"], seen["is_readable"], seen["reason"]) == (True, False, "bad_data")
    seen = answer(engineer.post("/quarantine/1/mend", json=RULE))
    assert (seen["is_readable"], "latitude" in seen["payload"]) == (True, False)
    assert value(database, WAITING) == 1

    done = answer(engineer.post("/quarantine/1/replay", json={"rule": RULE}))
    assert (done["state"], done["mended_by"]) == ("done", "latitude")
    assert [(deed["actor"], deed["action"], deed["details"]["is_stored"]) for deed in done["deeds"]] == [
        ("wang", "replay", True)
    ]
    assert value(database, "SELECT count(*) FROM observations") == 1
    assert engineer.post("/quarantine/1/replay", json={}).status_code == 409


def test_what_is_still_wrong_stays_and_the_try_is_recorded(engineer: httpx.Client, database: str) -> None:
    store(database, Outbox().delivery(Kind.STATE, b"\xff"))
    done = answer(engineer.post("/quarantine/1/replay", json={}))
    assert (done["state"], done["payload"]) == ("waiting", "\\xff")
    assert [deed["details"]["is_stored"] for deed in done["deeds"]] == [False]


def test_all_that_waits_for_a_reason_is_tried_again(engineer: httpx.Client, database: str) -> None:
    outbox = Outbox()
    store(database, outbox.message(), outbox.message(), outbox.delivery(Kind.STATE, b"bad"))
    enrol_devices(database, ["bus-1"])
    done = answer(engineer.post("/quarantine/replay", json={"reason": "unknown_device"}))
    assert done == {"stored": 2, "stay": 0, "next": None}
    assert value(database, WAITING) == 1


def test_a_rule_for_others_is_refused(engineer: httpx.Client, database: str) -> None:
    store(database, Outbox().delivery(Kind.STATE, b"bad"))
    answer(engineer.post("/quarantine/1/replay", json={"rule": RULE}), 422)
    answer(engineer.post("/quarantine/1/replay", json={"rule": RULE | {"name": "Not A Name"}}), 422)


def test_a_message_is_discarded_for_a_reason_once(engineer: httpx.Client, database: str) -> None:
    store(database, Outbox().delivery(Kind.STATE, b"bad"))
    answer(engineer.post("/quarantine/1/discard", json={"reason": " "}), 422)
    done = answer(engineer.post("/quarantine/1/discard", json={"reason": "a test bench"}))
    assert (done["state"], done["discard_reason"], done["deeds"][0]["actor"]) == ("discarded", "a test bench", "wang")
    answer(engineer.post("/quarantine/1/discard", json={"reason": "again"}), 409)
    answer(engineer.get("/quarantine/2"), 404)
    assert query(database, "SELECT actor, action, reason FROM upkeep_log") == [("wang", "discard", "a test bench")]


def test_work_is_seen_given_back_and_given_up(engineer: httpx.Client, database: str) -> None:
    town = Town(url=database)
    poison(database, "finding_observations", "NEW.device = 'bus-3'")
    town.sees(bus="bus-3")
    town.sees(bus="bus-3", minutes=10, north_m=300)
    town.store()
    town.work()
    page = answer(engineer.get("/set-aside", params={"state": "waiting"}))
    assert [(item["kind"], item["subject"]["device"]) for item in page["items"]] == [("fusion", "bus-3")] * 2
    first, second = (item["id"] for item in page["items"])
    assert "poisoned" in answer(engineer.get(f"/set-aside/{first}"))["detail"]

    heal(database)
    back = answer(engineer.post(f"/set-aside/{first}/return"))
    assert (back["state"], back["deeds"][0]["action"]) == ("done", "return")
    answer(engineer.post(f"/set-aside/{first}/return"), 409)
    gone = answer(engineer.post(f"/set-aside/{second}/discard", json={"reason": "a broken camera"}))
    assert (gone["state"], gone["discard_reason"]) == ("discarded", "a broken camera")
    answer(engineer.get("/set-aside/99"), 404)
    town.work()
    assert len(town.findings()) == 1
