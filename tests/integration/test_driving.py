"""From what buses send to incidents, scores, reviews and the driver's own word: one server and one database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.pool import connect
from cloud.driving.rules import load_driving_rules
from cloud.driving.step import note_driving
from cloud.people.accounts import Wish
from cloud.people.model import Role
from cloud.roads.imports import import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from wire.messages import Kind

RULES = load_driving_rules()
NOW = datetime.now(UTC).replace(microsecond=0)
PEOPLE = (
    Wish(name="safe", role=Role.SAFETY),
    Wish(name="view", role=Role.VIEWER),
    Wish(name="di", role=Role.DRIVER),
    Wish(name="du", role=Role.DRIVER),
)


@pytest.fixture(scope="module")
def town(postgres: LocalPostgres, template_database: str) -> Iterator[Town]:
    create_database(postgres, "test_driving", template=template_database)
    url = postgres.url("test_driving")
    street = Road(
        id="street",
        name="Street",
        kind="residential",
        line=(place(0.0, -1000.0), place(0.0, 1000.0)),
        limit_mps=40 / 3.6,
    )
    with connect(url) as connection:
        import_roads(connection, join_roads([street]), at=NOW)
    add_people(url, *PEOPLE)
    yield Town(url=url)
    drop_database(postgres, "test_driving")


@pytest.fixture(scope="module")
def address(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(town.url, tmp_path_factory.mktemp("pictures"), visitors=False) as (_, address):
        yield address


@pytest.fixture
def people(address: str, town: Town) -> Iterator[dict[str, httpx.Client]]:
    """Everybody at a browser, over an empty book of driving."""
    town.change("TRUNCATE driving_incidents, driving_log, driving_exposure, driver_shifts, driving_queue")
    opened = {wish.name: browser_at(address) for wish in PEOPLE}
    clients = {name: context.__enter__() for name, context in opened.items()}
    for name, client in clients.items():
        assert sign_in(client, name).status_code == 201
    yield clients
    for context in opened.values():
        context.__exit__(None, None, None)


def brakes(town: Town, *, bus: str = "bus-1", minutes_ago: float = 60.0, **changes: object) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    times = {"from_at": at.isoformat(), "to_at": (at + timedelta(seconds=2)).isoformat()}
    town.messages.append(_outbox(town, bus, at).message(Kind.DRIVING, **(times | changes)))


def drives_north(town: Town, *, bus: str = "bus-1", minutes_ago: float = 60.0, speed_mps: float, seconds: int) -> None:
    """Points each second, in messages of ten."""
    start = NOW - timedelta(minutes=minutes_ago)
    points: list[dict[str, Any]] = []
    for second in range(seconds):
        lon, lat = place(1.7, -900 + speed_mps * second)
        points.append(
            {
                "at": (start + timedelta(seconds=second)).isoformat(),
                "lon": lon,
                "lat": lat,
                "accuracy_m": 3.0,
                "fix": "gnss",
                "speed_mps": speed_mps,
                "heading_deg": 0.0,
            }
        )
    for begin in range(0, seconds, 10):
        outbox = _outbox(town, bus, start + timedelta(seconds=begin + 10))
        town.messages.append(outbox.message(Kind.TRACK, points=points[begin : begin + 10]))


def _outbox(town: Town, bus: str, at: datetime) -> Any:  # noqa: ANN401
    town.looks(bus=bus)  # makes the outbox
    town.messages.pop()
    outbox = town.outboxes[bus]
    outbox.at = at
    return outbox


def work(town: Town, *, later_s: float = 3600.0) -> int:
    town.store()
    with connect(town.url, autocommit=True) as connection:
        return note_driving(connection, rules=RULES, now=lambda: datetime.now(UTC) + timedelta(seconds=later_s))


def incidents(client: httpx.Client, **question: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return client.get("/driving/incidents", params=question).raise_for_status().json()["items"]


def test_an_event_becomes_one_incident_however_often_and_by_whom_it_is_told(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    brakes(town)
    brakes(town, sensor="terminal")
    town.messages.append(town.messages[0])
    assert work(town) == 2
    (incident,) = incidents(people["safe"])
    assert (incident["kind"], incident["state"], incident["severity"]) == ("harsh_braking", "needs_review", 1)
    detail = people["safe"].get(f"/driving/incidents/{incident['id']}").raise_for_status().json()
    assert len(detail["evidence"]) == 1
    assert detail["reviews"] == ["coach", "recognise", "dismiss"]
    assert work(town) == 0


def test_driving_too_fast_for_the_road_is_found_on_the_map_and_is_one_incident(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    drives_north(town, speed_mps=14.0, seconds=60)
    work(town)
    (incident,) = incidents(people["safe"])
    assert incident["kind"] == "speeding"
    assert incident["road"] == "Street"
    assert incident["limit_mps"] == pytest.approx(40 / 3.6)
    took_s = datetime.fromisoformat(incident["to_at"]) - datetime.fromisoformat(incident["from_at"])
    assert took_s == timedelta(seconds=59)


def test_who_keeps_the_limit_is_only_counted(town: Town, people: dict[str, httpx.Client]) -> None:
    drives_north(town, speed_mps=10.0, seconds=60)
    work(town)
    assert incidents(people["safe"]) == []
    (row,) = town.rows("SELECT sum(way_m) AS way_m, sum(moving_s) AS moving_s FROM driving_exposure")
    assert row["way_m"] == pytest.approx(600)
    assert row["moving_s"] == pytest.approx(60)


def test_tracks_rest_before_they_are_taken(town: Town, people: dict[str, httpx.Client]) -> None:
    drives_north(town, speed_mps=10.0, seconds=10)
    assert work(town, later_s=0.0) == 0
    assert work(town) == 1


def test_pages_follow_each_other_without_loss(town: Town, people: dict[str, httpx.Client]) -> None:
    for number in range(5):
        brakes(town, minutes_ago=60 + number)
    work(town)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = people["safe"].get("/driving/incidents", params={"limit": 2} | cursor).raise_for_status().json()
        found += [item["from_at"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 5
    assert people["safe"].get("/driving/incidents", params={"cursor": "nonsense"}).status_code == 422


def test_reviews_are_recorded_and_dismissed_ones_leave_the_score(town: Town, people: dict[str, httpx.Client]) -> None:
    safe = people["safe"]
    town.change("INSERT INTO driving_exposure VALUES ('testcity', 'bus-1', date_trunc('hour', now()), 100000, 18000)")
    brakes(town)
    work(town)
    (incident,) = incidents(safe)
    way = f"/driving/incidents/{incident['id']}/reviews"
    score = safe.get("/driving/scores").raise_for_status().json()["items"]
    assert [(each["name"], each["incidents"], each["per_100_km"]) for each in score] == [("bus-1", 1, 1.0)]

    assert safe.post(way, json={"action": "dismiss", "version": 1}).status_code == 409  # no reason
    assert safe.post(way, json={"action": "object", "version": 1, "reason": "x"}).status_code == 422
    assert people["view"].post(way, json={"action": "coach", "version": 1}).status_code == 403
    assert safe.post(way, json={"action": "dismiss", "version": 1, "reason": "a child ran out"}).status_code == 204
    assert safe.post(way, json={"action": "reopen", "version": 1, "reason": "again"}).status_code == 409  # stale

    detail = safe.get(f"/driving/incidents/{incident['id']}").json()
    assert [(line["actor"], line["action"], line["reason"]) for line in detail["log"]] == [
        ("safe", "dismiss", "a child ran out")
    ]
    assert safe.get("/driving/scores").json()["items"][0]["incidents"] == 0


def test_who_drove_too_little_has_no_score(town: Town, people: dict[str, httpx.Client]) -> None:
    drives_north(town, speed_mps=10.0, seconds=20)
    work(town)
    score = people["safe"].get("/driving/scores").raise_for_status().json()
    assert (score["items"], score["too_little"]) == ([], ["bus-1"])


def shift(driver: str, *, bus: str = "bus-1", from_min: float = 120, to_min: float = 30) -> dict[str, str]:
    return {
        "driver": driver,
        "device": bus,
        "from_at": (NOW - timedelta(minutes=from_min)).isoformat(),
        "to_at": (NOW - timedelta(minutes=to_min)).isoformat(),
    }


def test_drivers_see_what_is_said_of_them_and_of_nobody_else_and_can_object(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    safe, di, du = people["safe"], people["di"], people["du"]
    assert safe.post("/driving/shifts", json=shift("di")).status_code == 201
    assert safe.post("/driving/shifts", json=shift("du", bus="bus-2")).status_code == 201
    brakes(town)
    brakes(town, bus="bus-2", minutes_ago=50)
    brakes(town, minutes_ago=20)  # after di's shift
    work(town)

    (mine,) = di.get("/driving/mine").raise_for_status().json()["items"]
    assert mine["driver"] == "di"
    assert du.get(f"/driving/mine/{mine['id']}").status_code == 404
    assert du.post(f"/driving/mine/{mine['id']}/objection", json={"text": "not me"}).status_code == 404
    assert di.get("/driving/incidents").status_code == 403

    version = safe.get(f"/driving/incidents/{mine['id']}").json()["version"]
    way = f"/driving/incidents/{mine['id']}/reviews"
    assert safe.post(way, json={"action": "coach", "version": version}).status_code == 204
    assert di.post(f"/driving/mine/{mine['id']}/objection", json={"text": "a dog"}).status_code == 204
    detail = di.get(f"/driving/mine/{mine['id']}").raise_for_status().json()
    assert (detail["state"], detail["objection"], detail["reviews"]) == ("needs_review", "a dog", [])
    assert [line["action"] for line in detail["log"]] == ["coach", "object"]


def test_a_score_of_drivers_counts_the_hours_of_their_shifts(town: Town, people: dict[str, httpx.Client]) -> None:
    hour = NOW.replace(minute=0, second=0) - timedelta(hours=3)
    town.change("INSERT INTO driving_exposure VALUES ('testcity', 'bus-1', %s, 400000, 3600)", hour)
    half = {
        "driver": "di",
        "device": "bus-1",
        "from_at": hour.isoformat(),
        "to_at": (hour + timedelta(minutes=30)).isoformat(),
    }
    assert people["safe"].post("/driving/shifts", json=half).status_code == 201
    (score,) = people["safe"].get("/driving/scores", params={"by": "driver"}).raise_for_status().json()["items"]
    assert (score["name"], score["way_km"], score["moving_h"]) == ("di", 200, 0.5)
    (own,) = people["di"].get("/driving/mine/score").raise_for_status().json()["items"]
    assert own == score
    assert people["du"].get("/driving/mine/score").raise_for_status().json()["items"] == []


def test_shifts_that_cannot_be_are_refused_and_wrong_ones_taken_back(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    safe = people["safe"]
    added = safe.post("/driving/shifts", json=shift("di")).raise_for_status().json()
    assert safe.post("/driving/shifts", json=shift("du")).status_code == 409  # the bus is taken
    assert safe.post("/driving/shifts", json=shift("di", bus="bus-2")).status_code == 409  # the driver is
    assert safe.post("/driving/shifts", json=shift("nobody", bus="bus-3")).status_code == 409
    assert safe.post("/driving/shifts", json=shift("du", bus="bus-3", from_min=30, to_min=90)).status_code == 409
    assert [each["id"] for each in safe.get("/driving/shifts").json()["items"]] == [added["id"]]
    assert safe.delete(f"/driving/shifts/{added['id']}").status_code == 204
    assert safe.delete(f"/driving/shifts/{added['id']}").status_code == 404
    assert town.rows("SELECT action FROM driving_log WHERE shift_id = %s ORDER BY id", added["id"]) == [
        {"action": "shift_noted"},
        {"action": "shift_removed"},
    ]
