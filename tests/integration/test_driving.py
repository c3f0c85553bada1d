"""From what buses send to incidents, scores, reviews and the driver's own word: one server and one database."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.types.json import Jsonb

from busense.local.postgres import LocalPostgres
from cloud.api.app import create_app
from cloud.api.declared import declared_routes
from cloud.bridges.jt808.keeping import PICTURE_OF_ALARM
from cloud.cases import audit
from cloud.config import CloudConfig, DatabaseConfig
from cloud.db.pool import connect
from cloud.driving.clips import ClipDeed, note_look
from cloud.driving.looks import Looks
from cloud.driving.rules import load_driving_rules
from cloud.driving.step import note_driving
from cloud.people.accounts import Wish
from cloud.people.model import Role
from cloud.pictures.announcements import ADD_SAFE
from cloud.requests.pictures import Around, find_pictures
from cloud.roads.imports import import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from cloud.work.driving import SYSTEM
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.ingest_database import SECRET
from tests.integration.test_api_pictures import announce, jpeg
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from wire.messages import Kind

RULES = load_driving_rules()
NOW = datetime.now(UTC).replace(microsecond=0)
PEOPLE = (
    Wish(name="safe", role=Role.SAFETY),
    Wish(name="sure", role=Role.SAFETY),
    Wish(name="south", role=Role.SAFETY, areas=("south",)),
    Wish(name="admin", role=Role.ADMIN),
    Wish(name="view", role=Role.VIEWER),
    Wish(name="desk", role=Role.OPERATOR),
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


@pytest.fixture(scope="module")
def browsers(address: str) -> Iterator[dict[str, httpx.Client]]:
    """Everybody signed in at a browser."""
    with ExitStack() as stack:
        clients = {wish.name: stack.enter_context(browser_at(address)) for wish in PEOPLE}
        for name, client in clients.items():
            assert sign_in(client, name).status_code == 201
        yield clients


@pytest.fixture
def people(browsers: dict[str, httpx.Client], town: Town) -> dict[str, httpx.Client]:
    """Everybody, over an empty book of driving."""
    town.change("""TRUNCATE driving_incidents, driving_log, driving_exposure, driver_shifts, driving_queue,
        driver_records, driver_looks, audit_seals CASCADE""")
    return browsers


def brakes(town: Town, *, bus: str = "bus-1", minutes_ago: float = 60.0, **changes: object) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    times = {"from_at": at.isoformat(), "to_at": (at + timedelta(seconds=2)).isoformat()}
    town.messages.append(_outbox(town, bus, at).message(Kind.DRIVING, **(times | changes)))


def drives_north(
    town: Town,
    *,
    bus: str = "bus-1",
    minutes_ago: float = 60.0,
    speed_mps: float,
    seconds: int,
    every_s: int = 10,
) -> None:
    """Points each second, in messages of some."""
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
    for begin in range(0, seconds, every_s):
        outbox = _outbox(town, bus, start + timedelta(seconds=begin + every_s))
        town.messages.append(outbox.message(Kind.TRACK, points=points[begin : begin + every_s]))


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


def test_a_fast_stretch_is_one_incident_though_each_of_its_messages_is_taken_by_itself(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    drives_north(town, speed_mps=14.0, seconds=12, every_s=2)
    for message in [town.messages.pop(0) for _ in range(6)]:
        town.messages.append(message)
        assert work(town) == 1
    (incident,) = incidents(people["safe"])
    took_s = datetime.fromisoformat(incident["to_at"]) - datetime.fromisoformat(incident["from_at"])
    assert took_s == timedelta(seconds=11)


def test_an_incident_that_gets_worse_shows_what_made_it_worse(town: Town, people: dict[str, httpx.Client]) -> None:
    drives_north(town, speed_mps=14.0, seconds=10)
    work(town)
    drives_north(town, minutes_ago=60.0 - 10 / 60, speed_mps=17.0, seconds=10)
    work(town)
    (incident,) = incidents(people["safe"])
    assert (incident["severity"], incident["speed_mps"]) == (3, 17.0)


def test_who_reviews_an_incident_that_got_worse_meanwhile_looks_again(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    brakes(town, peak_mps2=-3.0)
    work(town)
    (seen,) = incidents(people["safe"])
    brakes(town, minutes_ago=60.0 - 1 / 60, peak_mps2=-5.0)
    work(town)
    order = {"action": "coach", "version": seen["version"]}
    answer = people["safe"].post(f"/driving/incidents/{seen['id']}/reviews", json=order)
    (now,) = incidents(people["safe"])
    assert answer.status_code == 409
    assert (now["severity"], now["state"]) == (3, seen["state"])


def test_an_incident_whose_earlier_part_comes_later_begins_with_it(town: Town, people: dict[str, httpx.Client]) -> None:
    drives_north(town, bus="bus-3", minutes_ago=60.0 - 10 / 60, speed_mps=14.0, seconds=10)
    work(town)
    (late,) = incidents(people["safe"])
    drives_north(town, bus="bus-3", speed_mps=14.0, seconds=10)
    work(town)
    (whole,) = incidents(people["safe"])
    assert (whole["id"], whole["to_at"]) == (late["id"], late["to_at"])
    assert datetime.fromisoformat(late["from_at"]) - datetime.fromisoformat(whole["from_at"]) >= timedelta(seconds=9)


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
    assert mine["device"] == "bus-1"
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


def drove(town: Town, driver: str, hour: datetime, *, km: float = 400.0, bus: str = "bus-1") -> None:
    """Half an hour of a shift, and what the bus drove in the hour."""
    town.change("INSERT INTO driving_exposure VALUES ('testcity', %s, %s, %s, 3600)", bus, hour, km * 1000)
    town.change(
        "INSERT INTO driver_shifts (driver, city, device, from_at, to_at, noted_by, noted_at)"
        " VALUES (%s, 'testcity', %s, %s, %s, 'safe', now())",
        *(driver, bus, hour, hour + timedelta(minutes=30)),
    )


def scores(client: httpx.Client, **question: str) -> list[dict[str, Any]]:
    return client.get("/driving/scores", params=question).raise_for_status().json()["items"]


def test_a_score_of_drivers_counts_the_hours_of_their_shifts(town: Town, people: dict[str, httpx.Client]) -> None:
    drove(town, "di", NOW.replace(minute=0, second=0) - timedelta(hours=3))
    (own,) = people["di"].get("/driving/mine/score").raise_for_status().json()["items"]
    assert (own["name"], own["way_km"], own["moving_h"]) == ("di", 200, 0.5)
    assert people["du"].get("/driving/mine/score").raise_for_status().json()["items"] == []


def test_drivers_are_compared_roughly_by_weeks_that_are_over(town: Town, people: dict[str, httpx.Client]) -> None:
    monday = last_monday(people["safe"])
    drove(town, "di", monday - timedelta(hours=5), km=406.0)
    drove(town, "di", monday, bus="bus-9")  # of this week
    (score,) = scores(people["safe"], by="driver")
    assert (score["name"], score["way_km"], score["moving_h"]) == ("di", 200, 0)
    days = {"by": "driver", "days": "7"}  # whoever could choose them would see what changes from one to the next
    assert people["safe"].get("/driving/scores", params=days).status_code == 422


def test_a_review_of_today_does_not_tell_whose_score_it_changes(town: Town, people: dict[str, httpx.Client]) -> None:
    safe = people["safe"]
    monday = last_monday(safe)
    drove(town, "di", monday - timedelta(hours=5))
    brakes(town)
    work(town)
    at = monday - timedelta(hours=4, minutes=45)
    town.change("UPDATE driving_incidents SET from_at = %s, to_at = %s", at, at)
    assert [(one["name"], one["incidents"]) for one in scores(safe, by="driver")] == [("di", 1)]
    (incident,) = incidents(safe)
    wish = {"action": "dismiss", "version": 1, "reason": "a child ran out"}
    assert safe.post(f"/driving/incidents/{incident['id']}/reviews", json=wish).status_code == 204
    assert [one["incidents"] for one in scores(safe, by="driver")] == [1]
    assert [one["incidents"] for one in scores(safe, by="bus")] == [0]
    assert people["di"].get("/driving/mine/score").json()["items"][0]["incidents"] == 0


def last_monday(client: httpx.Client) -> datetime:
    body = client.get("/driving/scores", params={"by": "driver"}).raise_for_status().json()
    return datetime.fromisoformat(body["until_at"])


def record(client: httpx.Client) -> dict[str, Any]:
    return client.get("/driving/my-record").raise_for_status().json()


def deeds(client: httpx.Client) -> list[tuple[str, str]]:
    """What a driver reads, oldest first."""
    return [(line["actor"], line["deed"]) for line in reversed(record(client)["lines"])]


def test_shifts_that_cannot_be_are_refused_and_wrong_ones_taken_back(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    safe = people["safe"]
    added = safe.post("/driving/shifts", json=shift("di")).raise_for_status().json()
    assert list(added) == ["id"]
    assert safe.post("/driving/shifts", json=shift("du")).status_code == 409  # the bus is taken
    assert safe.post("/driving/shifts", json=shift("di", bus="bus-2")).status_code == 409  # the driver is
    assert safe.post("/driving/shifts", json=shift("nobody", bus="bus-3")).status_code == 409
    assert safe.post("/driving/shifts", json=shift("du", bus="bus-3", from_min=30, to_min=90)).status_code == 409
    assert [each["device"] for each in record(people["di"])["shifts"]] == ["bus-1"]
    assert record(people["du"])["shifts"] == []
    assert safe.delete(f"/driving/shifts/{added['id']}").status_code == 204
    assert safe.delete(f"/driving/shifts/{added['id']}").status_code == 404
    tried = [("safe", "refuse_shift")] * 2  # who tries learns that there is one
    assert deeds(people["di"]) == [("safe", "note_shift"), *tried, ("safe", "remove_shift")]
    assert deeds(people["du"]) == []


def test_nobody_is_told_who_drove_without_a_look(town: Town, people: dict[str, httpx.Client]) -> None:
    safe = people["safe"]
    assert safe.post("/driving/shifts", json=shift("di")).status_code == 201
    brakes(town)
    work(town)
    (incident,) = incidents(safe)
    assert people["di"].post(f"/driving/mine/{incident['id']}/objection", json={"text": "a dog"}).status_code == 204
    detail = safe.get(f"/driving/incidents/{incident['id']}").raise_for_status()
    assert [line["action"] for line in detail.json()["log"]] == ["object"]
    everything = [
        route.path.removeprefix("/api/v1")
        for route in declared_routes(create_app(CloudConfig(city="x", database=DatabaseConfig(url="postgresql:///x"))))
        if route.method == "GET" and "{" not in route.path and not route.path.endswith("/events")
    ]
    assert "/driving/incidents" in everything
    assert "/driving/shifts" not in everything  # they are noted and not read
    for way in everything:
        assert '"di"' not in safe.get(way).text, way
    assert '"di"' not in detail.text


def ask(client: httpx.Client, **changes: object) -> httpx.Response:
    usual = {
        "device": "bus-1",
        "from_at": (NOW - timedelta(minutes=70)).isoformat(),
        "to_at": (NOW - timedelta(minutes=50)).isoformat(),
        "kind": "complaint",
        "purpose": "a cyclist was hit",
        "minutes": 30,
    }
    return client.post("/driving/looks", json=usual | changes)


def see(client: httpx.Client, look: str) -> httpx.Response:
    return client.get(f"/driving/looks/{look}/view")


def test_a_look_is_opened_by_another_person_and_its_driver_reads_who_looked_and_why(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    safe, sure = people["safe"], people["sure"]
    assert safe.post("/driving/shifts", json=shift("di")).status_code == 201
    assert safe.post("/driving/shifts", json=shift("du", bus="bus-2")).status_code == 201
    drives_north(town, speed_mps=10.0, seconds=60)
    town.store()
    look = ask(safe).raise_for_status().json()["id"]

    assert see(safe, look).status_code == 409  # one person alone
    assert safe.post(f"/driving/looks/{look}/approve").status_code == 409
    assert sure.post(f"/driving/looks/{look}/approve").status_code == 204
    seen = see(safe, look).raise_for_status().json()
    assert see(safe, look).status_code == 200  # looking on is the same look
    assert see(sure, look).status_code == 200
    assert seen["look"]["state"] == "open"
    (driven,) = seen["shifts"]
    assert (driven["driver"], driven["device"]) == ("di", "bus-1")
    assert datetime.fromisoformat(driven["from_at"]) == NOW - timedelta(minutes=70)  # no more than was asked for
    assert len(driven["track"]) == 2
    assert safe.post(f"/driving/looks/{look}/close", json={"outcome": "spoken with"}).status_code == 204
    assert see(safe, look).status_code == 409

    lines = record(people["di"])["lines"][::-1]
    assert [(line["actor"], line["deed"]) for line in lines] == [
        ("safe", "note_shift"),
        ("safe", "ask_to_look"),
        ("sure", "approve_look"),
        ("safe", "look"),
        ("sure", "look"),
        ("safe", "close_look"),
    ]
    assert {line["purpose"] for line in lines[1:]} == {"a cyclist was hit"}
    assert {line["details"]["kind"] for line in lines[1:]} == {"complaint"}
    assert "bus-1" not in str(lines)  # it outlives the shift
    assert deeds(people["du"]) == [("safe", "note_shift")]  # another bus was not looked at
    assert see(people["di"], look).status_code == 403


def test_a_look_ends_by_itself_and_is_closed_by_the_worker(town: Town, people: dict[str, httpx.Client]) -> None:
    assert people["safe"].post("/driving/shifts", json=shift("di")).status_code == 201
    look = ask(people["safe"], minutes=1).raise_for_status().json()["id"]
    assert people["sure"].post(f"/driving/looks/{look}/approve").status_code == 204
    town.change("UPDATE driver_looks SET until_at = now() - interval '1 second'")
    assert see(people["safe"], look).status_code == 409
    assert people["safe"].get("/driving/looks").json() == {"items": []}
    with connect(town.url) as connection:
        worker = Looks(connection=connection, at=datetime.now(UTC), actor=SYSTEM)
        assert worker.end_those_over() == 1
        assert worker.end_those_over() == 0
    assert deeds(people["di"])[-1] == ("system", "close_look")


def test_a_look_at_a_driver_shows_that_driver_alone(town: Town, people: dict[str, httpx.Client]) -> None:
    for wish in (shift("di"), shift("du", bus="bus-2"), shift("di", bus="bus-3", from_min=25, to_min=5)):
        assert people["safe"].post("/driving/shifts", json=wish).status_code == 201
    span = {"from_at": (NOW - timedelta(hours=5)).isoformat(), "to_at": NOW.isoformat()}
    look = ask(people["safe"], device=None, driver="di", **span).raise_for_status().json()["id"]
    assert people["sure"].post(f"/driving/looks/{look}/approve").status_code == 204
    seen = see(people["safe"], look).raise_for_status().json()
    assert [(each["driver"], each["device"]) for each in seen["shifts"]] == [("di", "bus-1"), ("di", "bus-3")]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"purpose": " "}, id="no-purpose"),
        pytest.param({"kind": "curiosity"}, id="not-of-the-list"),
        pytest.param({"minutes": 61}, id="too-long"),
        pytest.param({"driver": "di"}, id="driver-and-bus"),
        pytest.param({"device": None}, id="at-nobody"),
        pytest.param({"device": None, "driver": "nobody"}, id="no-such-account"),
        pytest.param({"from_at": (NOW - timedelta(days=8)).isoformat()}, id="too-much-time"),
        pytest.param({"to_at": (NOW - timedelta(minutes=80)).isoformat()}, id="ends-before-it-begins"),
    ],
)
def test_a_look_that_cannot_be_is_refused(people: dict[str, httpx.Client], changes: dict[str, object]) -> None:
    assert ask(people["safe"], **changes).status_code in {409, 422}


def test_a_look_that_is_not_approved_is_read_too(town: Town, people: dict[str, httpx.Client]) -> None:
    assert people["safe"].post("/driving/shifts", json=shift("di")).status_code == 201
    look = ask(people["safe"]).raise_for_status().json()["id"]
    assert people["sure"].post(f"/driving/looks/{look}/close", json={"outcome": "no ground"}).status_code == 204
    assert deeds(people["di"])[1:] == [("safe", "ask_to_look"), ("sure", "refuse_look")]


@pytest.mark.parametrize("who", ["admin", "south", "view", "di"])
def test_looks_are_for_the_desk_of_the_whole_county(people: dict[str, httpx.Client], who: str) -> None:
    assert ask(people[who]).status_code == 403
    assert people[who].get("/driving/looks").status_code == 403
    assert see(people[who], "01a20d6d-5a00-7b6f-8bad-cce966e8e23a").status_code == 403
    assert see(people["safe"], "01a20d6d-5a00-7b6f-8bad-cce966e8e23a").status_code == 404


def around(incident: dict[str, Any]) -> Around:
    at, minute = datetime.fromisoformat(incident["to_at"]), timedelta(minutes=1)
    return Around(lon=incident["lon"], lat=incident["lat"], radius_m=50, from_at=at - minute, to_at=at + minute)


def made_clip(content: bytes) -> dict[str, Any]:
    sheet = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "media_type": "image/jpeg",
        "width_px": 64,
        "height_px": 48,
        "blur": {"detector": "faces", "version": "1", "faces": 0, "plates": 0, "threshold": 0.3},
    }
    return {"sheet": sheet, "columns": 2, "taken_at": [NOW.isoformat()] * 4}


def bring(address: str, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {"Authorization": f"Bearer {SECRET}", "X-Busense-Device": "testcity/bus-1"}
    put = httpx.put(f"{address}/api/v1/pictures/{sha256}", content=content, headers=headers)
    assert put.status_code == 201
    return sha256


def test_a_clip_of_the_road_is_for_reviewers_and_the_driver(
    town: Town, people: dict[str, httpx.Client], address: str
) -> None:
    assert people["safe"].post("/driving/shifts", json=shift("di")).status_code == 201
    content = jpeg(width_px=64, shade=10 + NOW.second)
    clip_made = made_clip(content)
    sheet = clip_made["sheet"]
    brakes(town, clip=clip_made)
    brakes(town, sensor="terminal")  # the same, told by another device
    work(town)
    (incident,) = incidents(people["safe"])
    reviewed, own = f"/driving/incidents/{incident['id']}", f"/driving/mine/{incident['id']}"
    assert people["safe"].get(reviewed).json()["clips"][0]["is_here"] is False
    assert people["safe"].get(f"{reviewed}/clips/0").status_code == 404

    bring(address, content)
    clip = people["di"].get(own).json()["clips"][0]
    assert (clip["is_here"], clip["columns"], len(clip["taken_at"]), clip["width_px"]) == (True, 2, 4, 64)
    for who, way, status in (
        ("safe", reviewed, 200),
        ("di", own, 200),
        ("du", own, 404),
        ("di", reviewed, 403),
        ("south", reviewed, 404),
    ):
        answer = people[who].get(f"{way}/clips/0")
        assert answer.status_code == status, (who, way)
        assert (answer.content == content) is (status == 200)
        assert "ETag" not in answer.headers, "by the hash of the picture one could look unseen"
    people["safe"].get(f"{reviewed}/clips/0")
    assert deeds(people["di"]) == [("safe", "note_shift"), ("safe", "view_clip")], "looking on is one look"
    (line,) = [line for line in record(people["di"])["lines"] if line["deed"] == "view_clip"]
    assert (line["details"]["incident"], "bus-1" in str(line)) == (incident["id"], False)

    with connect(town.url) as connection:  # who asks for their pictures is shown it, too
        assert [found.sha256 for found in find_pictures(connection, around(incident))] == [sheet["sha256"]]
    town.change("UPDATE pictures SET erased_at = now(), received_at = NULL")
    assert people["safe"].get(reviewed).json()["clips"][0]["is_here"] is False
    assert people["safe"].get(f"{reviewed}/clips/0").status_code == 404


def test_a_bus_makes_no_clip_of_a_picture_that_is_not_its_own(
    town: Town, people: dict[str, httpx.Client], address: str
) -> None:
    road, clip = (jpeg(width_px=64, shade=200 + number) for number in range(2))
    announce(town, road)
    for minutes_ago in (60.0, 50.0):  # two events may share their seconds
        brakes(town, minutes_ago=minutes_ago, clip=made_clip(clip))
    town.store()
    for content in (road, clip):
        bring(address, content)
        brakes(town, bus="bus-2", minutes_ago=30.0 if content is road else 20.0, clip=made_clip(content))
    brakes(town, minutes_ago=10.0, clip=made_clip(road))
    work(town)

    assert people["view"].get(f"/pictures/{hashlib.sha256(road).hexdigest()}").content == road
    assert people["view"].get(f"/pictures/{hashlib.sha256(clip).hexdigest()}").status_code == 404
    found = [
        (found["device"], people["safe"].get(f"/driving/incidents/{found['id']}/clips/0").status_code)
        for found in incidents(people["safe"])
    ]
    assert found == [("bus-1", 404), ("bus-2", 404), ("bus-2", 404), ("bus-1", 200), ("bus-1", 200)], (
        "else bus-2's driver is told"
    )


def test_pictures_of_a_terminals_alarm_stand_with_its_incident(town: Town, people: dict[str, httpx.Client]) -> None:
    brakes(town, sensor="terminal")
    work(town)
    (incident,) = incidents(people["safe"])
    with connect(town.url) as connection:
        for number, kind in enumerate((incident["kind"], incident["kind"], "phone")):
            values = {
                "city": "testcity",
                "device": "bus-1",
                "identity": bytes(16),
                "kind": kind,
                "alarm_at": incident["to_at"],
                "name": f"{number}.jpg",
                "sha256": str(number) * 64,
                "size_bytes": 4,
                "width_px": 640,
                "height_px": 480,
                "blur": Jsonb({}),
                "at": NOW,
            }
            connection.execute(ADD_SAFE, values)
            connection.execute(PICTURE_OF_ALARM, values)
    clips = people["safe"].get(f"/driving/incidents/{incident['id']}").json()["clips"]
    assert [(clip["is_of_terminal"], clip["is_here"], clip["columns"], clip["taken_at"]) for clip in clips] == [
        (True, True, 1, [incident["to_at"]])
    ] * 2, "of another alarm of that moment is the third"
    assert all("sha256" not in clip for clip in clips)
    with connect(town.url) as connection:
        found = {each.sha256 for each in find_pictures(connection, around(incident)) if each.is_of_driving}
    assert {"0" * 64, "1" * 64} <= found, "who asks for their pictures is shown them, too"
    assert people["safe"].get(f"/driving/incidents/{incident['id']}/clips/2").status_code == 404


def test_who_looked_at_a_clip_is_read_by_whoever_is_noted_later_to_have_driven(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    brakes(town)
    work(town)
    (incident,) = incidents(people["safe"])
    with connect(town.url) as connection:
        for deed in ClipDeed:
            note_look(connection, [UUID(incident["id"])], deed, by="safe", at=NOW)
    people["sure"].post("/driving/shifts", json=shift("di", bus="bus-2")).raise_for_status()
    noted = people["sure"].post("/driving/shifts", json=shift("du")).raise_for_status().json()["id"]
    for _ in range(2):
        assert people["sure"].delete(f"/driving/shifts/{noted}").status_code == 204
        noted = people["sure"].post("/driving/shifts", json=shift("du")).raise_for_status().json()["id"]
    assert not {deed for _, deed in deeds(people["di"])} & set(ClipDeed)
    assert [deed for deed in deeds(people["du"]) if deed[1] in set(ClipDeed)] == [
        ("safe", "view_clip"),
        ("safe", "hand_out_clip"),
    ]


def test_what_the_desk_of_requests_sees_of_an_event_its_driver_reads(
    town: Town, people: dict[str, httpx.Client], address: str
) -> None:
    desk = people["desk"]
    assert people["safe"].post("/driving/shifts", json=shift("di")).status_code == 201
    contents = [jpeg(width_px=64, shade=100 + number) for number in range(2)]
    for content in contents:  # of one incident, which shows the first
        brakes(town, clip=made_clip(content))
    town.store()
    shown, joined = (bring(address, content) for content in contents)
    wish = {"kind": "information", "name": "Wang Fang", "contact": "wang@example.org", "text": "I stood there."}
    desk.post("/notice/requests", json=wish).raise_for_status()
    (request,) = desk.get("/data-requests").json()["items"]
    way = f"/data-requests/{request['id']}"

    assert desk.get(f"{way}/pictures/{shown}").status_code == 409, "of no incident yet: nobody could be told"
    work(town)
    for who in ("desk", "safe", "view"):
        assert people[who].get(f"/pictures/{shown}").status_code == 404, "there nobody is told"
    assert people["safe"].get(f"{way}/pictures/{shown}").status_code == 403
    answer = desk.get(f"{way}/pictures/{shown}")
    assert (answer.content, answer.headers["Cache-Control"]) == (contents[0], "no-store")
    assert deeds(people["di"])[1:] == [("desk", "view_clip")]

    desk.post(f"{way}/steps/check_identity", json={"version": request["version"]}).raise_for_status()
    chosen = {"version": request["version"] + 1, "pictures": [joined]}
    desk.post(f"{way}/export", json=chosen).raise_for_status()
    assert deeds(people["di"])[1:] == [("desk", "view_clip"), ("desk", "hand_out_clip")]
    desk.post(f"{way}/steps/refuse", json={"version": request["version"] + 2, "words": "No."}).raise_for_status()
    assert desk.get(f"{way}/pictures/{shown}").status_code == 404, "when it is decided there is no ground any more"


def test_what_a_driver_reads_is_sealed_and_cannot_be_rewritten_unseen(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    with connect(town.url) as connection:
        audit.seal(connection, at=datetime.now(UTC))  # what tests before wrote
    assert people["safe"].post("/driving/shifts", json=shift("di")).status_code == 201
    ask(people["safe"]).raise_for_status()
    with connect(town.url) as connection:
        assert audit.seal(connection, at=datetime.now(UTC)) == 2
        assert audit.verify(connection, at=datetime.now(UTC)).faults == ()
        connection.execute("UPDATE driver_history SET actor = 'nobody' WHERE action = 'ask_to_look'")
        assert any("driver" in fault for fault in audit.verify(connection, at=datetime.now(UTC)).faults)
        connection.rollback()
