# ruff: noqa: ANN401 - JSON is of any type
"""The care desk and a guardian over HTTP."""

import json
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from busense.local.postgres import LocalPostgres
from cloud.db.changes import tell
from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import PASSWORD, add_people, browser_at, sign_in
from tests.integration.ingest_database import query
from tests.integration.test_api_live import Event, events_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
KEY = bytes(range(16)).hex()  # given to nobody
UNTIL = (datetime.now(UTC) + timedelta(days=100)).date().isoformat()
JOURNEY = {"name": "school", "lon": 120.42, "lat": 27.52, "days": [1, 2], "leave_at": "07:00", "arrive_by": "08:00"}


@pytest.fixture(scope="module")
def place(
    postgres: LocalPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Address of a server, and its database."""
    create_database(postgres, "test_travel_routes", template=template_database)
    database = postgres.url("test_travel_routes")
    add_people(
        database,
        Wish(name="chen", role=Role.CARE),
        Wish(name="liu", role=Role.CARE),
        Wish(name="boss", role=Role.ADMIN),
    )
    folder: Path = tmp_path_factory.mktemp("pictures")
    with running_server(database, folder, visitors=False, vault_file=folder / "vault.key") as (_, address):
        yield address, database
    drop_database(postgres, "test_travel_routes")


@contextmanager
def person(address: str, name: str) -> Generator[httpx.Client]:
    with browser_at(address) as client:
        assert sign_in(client, name).status_code == 201
        yield client


@pytest.fixture(scope="module")
def desk(place: tuple[str, str]) -> Iterator[dict[str, httpx.Client]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(person(place[0], name)) for name in ("chen", "liu", "boss")}


def answer(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


@pytest.fixture
def child(desk: dict[str, httpx.Client]) -> str:
    """Somebody with consent and a tag."""
    chen = desk["chen"]
    number = str(answer(chen.post("/travel/people", json={"name": "小明", "kind": "child"}), 201)["id"])
    consent = {"given_by": "王芳", "covers": ["journeys", "search"], "until": UNTIL}
    answer(chen.post(f"/travel/people/{number}/consents", json=consent), 201)
    tag = {"kind": "eid", "secret": key_of(number), "exponent": 10, "counter_s": 65280}
    answer(chen.post(f"/travel/people/{number}/tags", json=tag), 201)
    return number


def key_of(child: str) -> str:
    return UUID(child).hex


@contextmanager
def guardian_of(
    place: tuple[str, str], desk: dict[str, httpx.Client], child: str, name: str
) -> Generator[httpx.Client]:
    """A guardian who has come by the link."""
    link = answer(desk["chen"].post(f"/travel/people/{child}/guardians", json={"name": name}), 201)["url"]
    with browser_at(place[0]) as browser:
        body = {"token": link.partition("#")[2], "password": PASSWORD}
        answer(browser.post("/welcome", json=body), 201)
        yield browser


def test_what_is_taken_in_is_shown_without_where_anybody_is(desk: dict[str, httpx.Client], child: str) -> None:
    chen = desk["chen"]
    answer(chen.post(f"/travel/people/{child}/journeys", json=JOURNEY), 201)
    agreed = {"lon": 120.42, "lat": 27.52, "radius_m": 800, "hours_from": "06:00", "hours_to": "20:00"}
    answer(chen.put(f"/travel/people/{child}/agreement", json=agreed), 204)
    shown = answer(chen.get(f"/travel/people/{child}"))
    assert (shown["name"], shown["covers"], shown["hours_from"]) == ("小明", ["journeys", "search"], "06:00:00")
    assert shown["tag_list"][0]["battery_left"] == pytest.approx(1.0, abs=0.01)
    assert key_of(child) not in str(shown)
    assert [line["deed"] for line in shown["history"]] == ["agree", "agree", "add_tag", "consent", "add"]
    assert child in [item["id"] for item in answer(chen.get("/travel/people"))["items"]]


def test_names_and_keys_lie_sealed(place: tuple[str, str], child: str) -> None:
    rows = query(place[1], "SELECT p.name, t.secret FROM travel_people p JOIN travel_tags t ON t.traveller = p.id")
    assert child
    assert all(part.startswith("fernet:") for row in rows for part in row)


def test_an_administrator_sees_nobody(desk: dict[str, httpx.Client], child: str) -> None:
    assert desk["boss"].get(f"/travel/people/{child}").status_code == 403
    assert desk["boss"].get("/travel/people").status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tags", {"kind": "eid", "secret": KEY}),
        ("tags", {"kind": "ibeacon", "secret": KEY}),
        ("tags", {"kind": "eid", "secret": "not a key", "exponent": 10, "counter_s": 1}),
        ("journeys", JOURNEY | {"leave_at": "09:00"}),
        ("journeys", JOURNEY | {"days": [8]}),
        ("consents", {"given_by": "x", "covers": ["search"], "until_at": "9999-12-31T23:59:59-14:00"}),
        ("journeys", JOURNEY | {"leave_at": "07:00Z"}),
        ("consents", {"given_by": "x", "covers": [], "until": UNTIL}),
        ("looks", {"kind": "history", "purpose": "why?", "minutes": 10}),
        ("looks", {"kind": "history", "purpose": "missing since\x00 eight", "minutes": 10}),
        ("guardians", {"name": "liu"}),
    ],
    ids=[
        "no counter",
        "long id",
        "no key",
        "backwards",
        "no day",
        "beyond time",
        "zone",
        "nothing",
        "no purpose",
        "no text",
        "of the desk",
    ],
)
def test_what_cannot_be_is_refused(desk: dict[str, httpx.Client], child: str, path: str, body: dict[str, Any]) -> None:
    answer(desk["chen"].post(f"/travel/people/{child}/{path}", json=body), 422)


def test_a_radius_that_is_no_number_is_refused(desk: dict[str, httpx.Client], child: str) -> None:
    body = json.dumps(JOURNEY)[:-1] + ', "radius_m": NaN}'
    headers = {"Content-Type": "application/json"}
    answer(desk["chen"].post(f"/travel/people/{child}/journeys", content=body, headers=headers), 422)


def test_a_consent_that_ends_before_it_begins_is_refused(desk: dict[str, httpx.Client], child: str) -> None:
    body = {"given_by": "x", "covers": ["search"], "until": "2020-01-01"}
    answer(desk["chen"].post(f"/travel/people/{child}/consents", json=body), 422)


def test_a_consent_holds_to_the_end_of_its_last_day_by_the_countys_clock(
    place: tuple[str, str], desk: dict[str, httpx.Client]
) -> None:
    child = another_child(desk)
    shown = answer(desk["chen"].get(f"/travel/people/{child}"))
    assert [shown["consent_until"], *(consent["until"] for consent in shown["consents"])] == [UNTIL, UNTIL]
    [(ends,)] = query(place[1], "SELECT until_at FROM travel_consents WHERE traveller = %s", child)
    assert ends.astimezone(SHANGHAI).replace(tzinfo=None) == datetime.combine(date.fromisoformat(UNTIL), time.max)


def test_a_look_is_opened_by_two_and_read_by_the_guardian(
    place: tuple[str, str], desk: dict[str, httpx.Client], child: str
) -> None:
    chen, liu = desk["chen"], desk["liu"]
    with guardian_of(place, desk, child, "wangfang") as mother:
        body = {"kind": "search", "purpose": "did not come home", "minutes": 60}
        look = answer(chen.post(f"/travel/people/{child}/looks", json=body), 201)["id"]
        assert answer(chen.get(f"/travel/looks/{look}/view"), 409)
        assert "another person" in answer(chen.post(f"/travel/looks/{look}/approve"), 409)["detail"]
        assert [item["state"] for item in answer(liu.get("/travel/looks"))["items"] if item["id"] == look] == ["asked"]
        answer(liu.post(f"/travel/looks/{look}/approve"), 204)
        shown, again = (answer(chen.get(f"/travel/looks/{look}/view")) for _ in range(2))
        assert shown["look"] == again["look"]
        assert (shown["name"], shown["last"], shown["cells"]) == ("小明", None, [])
        assert answer(mother.get(f"/guardian/looks/{look}/view"))["look"]["state"] == "open"
        answer(liu.post(f"/travel/looks/{look}/close", json={"outcome": "at the playground"}), 204)
        assert answer(liu.post(f"/travel/looks/{look}/close", json={}), 409)
        (ward,) = answer(mother.get("/guardian/wards"))["items"]
        told = [(line["actor"], line["deed"], line["purpose"]) for line in reversed(ward["history"])]
        assert told[4:] == [
            (who, deed, "did not come home")
            for who, deed in [
                ("chen", "ask_to_look"),
                ("liu", "approve_look"),
                ("chen", "look"),
                ("wangfang", "look"),
                ("liu", "close_look"),
            ]
        ]


def test_a_guardian_sees_their_own_and_may_ask_and_withdraw(
    place: tuple[str, str], desk: dict[str, httpx.Client], child: str
) -> None:
    other = answer(desk["chen"].post("/travel/people", json={"name": "other", "kind": "other"}), 201)["id"]
    with guardian_of(place, desk, child, "granny") as granny:
        assert answer(granny.get("/me"))["permissions"] == ["account", "guard"]
        assert [ward["name"] for ward in answer(granny.get("/guardian/wards"))["items"]] == ["小明"]
        wish = {"purpose": "not at home any more"}
        answer(granny.post(f"/guardian/wards/{other}/searches", json=wish), 404)
        look = answer(granny.post(f"/guardian/wards/{child}/searches", json=wish), 201)["id"]
        answer(desk["chen"].post(f"/travel/looks/{look}/approve"), 204)
        assert answer(granny.get(f"/guardian/looks/{look}/view"))["name"] == "小明"
        answer(granny.delete(f"/guardian/wards/{other}/consents"), 404)
        answer(granny.delete(f"/guardian/wards/{child}/consents"), 204)
        answer(granny.get(f"/guardian/looks/{look}/view"), 409)
        answer(desk["chen"].get(f"/travel/people/{child}"), 404)
        (ward,) = answer(granny.get("/guardian/wards"))["items"]
        assert (ward["name"], ward["events"], ward["journeys"]) == ("", [], [])
        assert [line["deed"] for line in ward["history"][:2]] == ["erase", "withdraw"]
        assert answer(granny.get("/findings"), 403)


def test_tags_guardians_and_journeys_end(desk: dict[str, httpx.Client], child: str) -> None:
    chen = desk["chen"]
    tag = answer(chen.get(f"/travel/people/{child}"))["tag_list"][0]["id"]
    answer(chen.post(f"/travel/people/{child}/tags/{tag}/battery"), 204)
    journey = answer(chen.post(f"/travel/people/{child}/journeys", json=JOURNEY), 201)["id"]
    answer(chen.post(f"/travel/people/{child}/guardians", json={"name": "uncle"}), 201)
    assert answer(chen.post(f"/travel/people/{child}/guardians", json={"name": "uncle"}), 201)["url"] is None
    for path in (f"tags/{tag}", f"journeys/{journey}", "guardians/uncle"):
        answer(chen.delete(f"/travel/people/{child}/{path}"), 204)
    shown = answer(chen.get(f"/travel/people/{child}"))
    assert (shown["tag_list"], shown["journeys"], shown["guardians"]) == ([], [], [])
    answer(chen.delete(f"/travel/people/{child}/tags/{tag}"), 404)


@contextmanager
def hearing(client: httpx.Client, path: str) -> Generator[Iterator[Event]]:
    """What a stream tells after it has begun."""
    with client.stream("GET", path) as response:
        assert response.status_code == 200
        events = events_of(response.iter_lines())
        assert next(events).kind == "ready"
        yield events


def another_child(desk: dict[str, httpx.Client]) -> str:
    number = answer(desk["chen"].post("/travel/people", json={"name": "小红", "kind": "child"}), 201)["id"]
    consent = {"given_by": "赵某", "covers": ["journeys"], "until": UNTIL}
    answer(desk["chen"].post(f"/travel/people/{number}/consents", json=consent), 201)
    return str(number)


def agree_on_a_journey(desk: dict[str, httpx.Client], child: str) -> None:
    answer(desk["chen"].post(f"/travel/people/{child}/journeys", json=JOURNEY), 201)


def ward_of(event: Event) -> str:
    assert event.kind == "ward"
    return str(json.loads(event.payload)["ward"])


def test_a_guardian_is_told_at_once_and_another_hears_nothing(
    place: tuple[str, str], desk: dict[str, httpx.Client], child: str
) -> None:
    other = another_child(desk)
    with (
        guardian_of(place, desk, child, "g-wang") as wang,
        guardian_of(place, desk, other, "g-zhao") as zhao,
        hearing(wang, "/guardian/events") as mine,
        hearing(zhao, "/guardian/events") as theirs,
    ):
        agree_on_a_journey(desk, child)
        assert ward_of(next(mine)) == child
        agree_on_a_journey(desk, other)
        assert ward_of(next(theirs)) == other


def test_who_is_no_guardian_any_longer_hears_nothing_more(
    place: tuple[str, str], desk: dict[str, httpx.Client], child: str
) -> None:
    other = another_child(desk)
    with guardian_of(place, desk, child, "g-sun") as sun, hearing(sun, "/guardian/events") as events:
        answer(desk["chen"].post(f"/travel/people/{other}/guardians", json={"name": "g-sun"}), 201)
        while ward_of(next(events)) != other:
            pass
        answer(desk["chen"].delete(f"/travel/people/{child}/guardians/g-sun"), 204)
        agree_on_a_journey(desk, child)
        agree_on_a_journey(desk, other)
        assert ward_of(next(events)) == other


def test_nobody_else_hears_of_wards_and_only_the_care_desk_of_searches(
    place: tuple[str, str], desk: dict[str, httpx.Client], child: str
) -> None:
    with hearing(desk["chen"], "/events") as care, hearing(desk["boss"], "/events") as admin:
        agree_on_a_journey(desk, child)
        with psycopg.connect(place[1]) as connection:
            tell(connection, kind="travel", subject="s", payload={"search": "s"})
            finding = {"geometry": {"coordinates": [120.42, 27.52]}, "properties": {"case": None}}
            tell(connection, kind="finding", subject="s", payload=finding)
        assert next(care).kind == "travel"
        assert next(admin).kind == "finding"
    assert desk["chen"].get("/guardian/events").status_code == 403
