"""Every route asked by every role at a running server, and the rows that are not there for somebody."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from busense.local.postgres import LocalPostgres
from cloud.api.app import create_app
from cloud.api.declared import DeclaredRoute, declared_routes
from cloud.config import CloudConfig, DatabaseConfig
from cloud.db.pool import connect
from cloud.people.accounts import Wish
from cloud.people.model import Actor, Role
from cloud.people.permissions import GRANTS, PEOPLE, VISITOR, Permission
from cloud.people.tokens import add_token
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.office import headers_of
from tests.integration.town import Town

ROUTES = declared_routes(create_app(CloudConfig(city="demo", database=DatabaseConfig(url="postgresql:///busense"))))
CREW: dict[Role, Any] = {Role.CREW: {"unit": "roads", "crew": "roads-1"}}
UNKNOWN = "01a20d6d-5a00-7b6f-8bad-cce966e8e23a"
VALUES = {"sha256": "0" * 64, "segment_id": "abc", "name": "nobody"}
REFUSED = {401, 403}


@pytest.fixture(scope="module")
def server(postgres: LocalPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one account of each role, asked by all tests of this file."""
    create_database(postgres, "test_permissions", template=template_database)
    database = postgres.url("test_permissions")
    add_people(database, *(Wish(name=f"a-{role}", role=role, **CREW.get(role, {})) for role in PEOPLE))
    with running_server(database, tmp_path_factory.mktemp("pictures"), visitors=True) as (_, address):
        yield address
    drop_database(postgres, "test_permissions")


@pytest.fixture(scope="module")
def browsers(server: str) -> Iterator[dict[str, httpx.Client]]:
    """A browser of each role, signed in, and one of a visitor."""
    opened = {name: browser_at(server) for name in ("visitor", *PEOPLE)}
    clients = {name: context.__enter__() for name, context in opened.items()}
    for role in PEOPLE:
        assert sign_in(clients[role], f"a-{role}").status_code == 201
    yield clients
    for context in opened.values():
        context.__exit__(None, None, None)


def ask(client: httpx.Client, route: DeclaredRoute) -> int:
    """Ask without a body: whoever is let in is told that something is missing or not there."""
    path = re.sub(r"\{(\w+)\}", lambda part: VALUES.get(part[1], UNKNOWN), route.path.removeprefix("/api/v1"))
    key = hashlib.sha256(f"{route.method} {path}".encode()).hexdigest()
    with client.stream(route.method, path, headers={"Idempotency-Key": key}, follow_redirects=False) as answer:
        return answer.status_code


def granted(who: str) -> frozenset[Permission]:
    return VISITOR if who == "visitor" else GRANTS[Role(who)]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_route_is_for_those_it_says(browsers: dict[str, httpx.Client], route: DeclaredRoute) -> None:
    if Permission.DEVICE in route.needs or (route.path.endswith("/session") and route.method == "DELETE"):
        pytest.skip("asked as a device, or by test_people")
    found = {who: ask(client, route) not in REFUSED for who, client in browsers.items()}
    if Permission.OPEN in route.needs:
        assert all(found.values())
    else:
        assert found == {who: route.is_for(granted(who)) for who in browsers}


def test_a_persons_credentials_are_no_devices(server: str) -> None:
    headers = headers_of("a-admin") | {"X-Busense-Device": "testcity/bus-1"}
    assert httpx.put(f"{server}/api/v1/pictures/{'0' * 64}", content=b"x", headers=headers).status_code == 403


TOWN_AREA = """
[[areas]]
key = "north"
name = { zh = "北", en = "North" }
unit = "roads"
polygon = [[120.3, 27.505], [120.5, 27.505], [120.5, 27.6], [120.3, 27.6]]

[[areas]]
key = "south"
name = { zh = "南", en = "South" }
unit = "roads"
polygon = [[120.3, 27.4], [120.5, 27.4], [120.5, 27.505], [120.3, 27.505]]
"""
SCOPED = (
    Wish(name="all", role=Role.OPERATOR),
    Wish(name="roads", role=Role.OPERATOR, unit="roads"),
    Wish(name="water", role=Role.OPERATOR, unit="water"),
    Wish(name="south", role=Role.OPERATOR, areas=("south",)),
    Wish(name="north", role=Role.OPERATOR, areas=("north",)),
    Wish(name="care", role=Role.CARE),
    Wish(name="other-crew", role=Role.CREW, unit="water", crew="water-1"),
)
AREAS = ("north", "south")
SEE_THE_CASE = {"all", "roads", "south"}


@pytest.fixture
def case_of_roads(database: str, tmp_path: Path) -> Iterator[tuple[httpx.Client, dict[str, Any], Town]]:
    """A case in the south, with the unit of roads."""
    handling = tmp_path / "handling.toml"
    handling.write_text((files("cloud.cases") / "handling.toml").read_text() + TOWN_AREA)
    town = Town(url=database)
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    town.work()
    add_people(database, *SCOPED)
    with (
        running_server(database, tmp_path, visitors=False, handling=handling) as (_, address),
        httpx.Client(base_url=f"{address}/api/v1", timeout=60) as client,
    ):
        case = client.get("/cases", headers=headers_of("all")).json()["items"][0]
        assert (case["unit_key"], case["lat"] < 27.505) == ("roads", True)
        yield client, case, town


@pytest.mark.parametrize("who", [wish.name for wish in SCOPED if wish.role is not Role.CARE])
def test_a_case_out_of_scope_does_not_exist(case_of_roads: tuple[httpx.Client, dict[str, Any], Town], who: str) -> None:
    client, case, _ = case_of_roads
    headers, is_there = headers_of(who), who in SEE_THE_CASE
    keys = headers | {"Idempotency-Key": f"test-key-{who}"}

    assert len(client.get("/cases", headers=headers).json()["items"]) == is_there
    one = client.get(f"/cases/{case['id']}", headers=headers)
    assert one.status_code == (200 if is_there else 404)
    if not is_there:
        unknown = client.get(f"/cases/{UUID(UNKNOWN)}", headers=headers)
        assert one.json() == unknown.json() | {"detail": one.json()["detail"]}
    body = {"action": "comment", "reason": "seen", "version": case["version"]}
    acted = client.post(f"/cases/{case['id']}/actions", json=body, headers=keys)
    assert acted.status_code == (200 if is_there else 404)
    photo = client.post(
        f"/cases/{case['id']}/photos",
        params={"kind": "before"},
        content=b"no picture",
        headers=keys | {"Idempotency-Key": f"test-photo-{who}", "Content-Type": "image/jpeg"},
    )
    assert (photo.status_code == 404) is not is_there
    deliveries = client.get("/deliveries", headers=headers)
    assert deliveries.status_code in {200, 403}
    finding = client.get(f"/findings/{case['finding_id']}", headers=headers)
    is_near = who != "north"
    assert finding.status_code == (200 if is_near else 404)
    if is_near:
        assert (finding.json()["properties"]["case"] is not None) is is_there
    assert len(client.get("/findings", headers=headers).json()["features"]) == is_near
    close = {"bbox": "120.0,27.0,121.0,28.0", "zoom": 18}
    assert len(client.get("/map", params=close, headers=headers).json()["findings"]) == is_near
    assert bool(client.get("/observations", headers=headers).json()["items"]) is is_near


def test_care_and_a_token_that_is_not_for_cases_see_findings_and_no_cases(
    case_of_roads: tuple[httpx.Client, dict[str, Any], Town],
) -> None:
    client, case, town = case_of_roads
    with connect(town.url) as connection:
        owner, scopes, at = Actor(name="all", role=Role.OPERATOR), frozenset({Permission.SEE}), datetime.now(UTC)
        wall = add_token(connection, owner, label="wall", scopes=scopes, at=at, expires_at=None)
    for headers in (headers_of("care"), {"Authorization": f"Bearer {wall}"}):
        assert client.get(f"/cases/{case['id']}", headers=headers).status_code == 403
        assert client.get(f"/findings/{case['finding_id']}", headers=headers).json()["properties"]["case"] is None


def test_a_crew_of_an_area_gets_its_jobs_there_though_it_has_one_elsewhere(
    case_of_roads: tuple[httpx.Client, dict[str, Any], Town],
) -> None:
    client, case, town = case_of_roads
    add_people(
        town.url, *(Wish(name=f"crew-{area}", areas=(area,), role=Role.CREW, **CREW[Role.CREW]) for area in AREAS)
    )
    if case["state"] == "reported":
        case = act(client, case, {"action": "file"})
    act(client, case, {"action": "dispatch", "crew": "roads-1"})
    jobs = {area: client.get("/crew/jobs", headers=headers_of(f"crew-{area}")) for area in AREAS}
    assert {area: answer.status_code for area, answer in jobs.items()} == {"north": 200, "south": 200}
    assert {area: len(answer.json()["items"]) for area, answer in jobs.items()} == {"north": 0, "south": 1}


def act(client: httpx.Client, case: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    headers = headers_of("all") | {"Idempotency-Key": f"test-{body['action']}"}
    answer = client.post(f"/cases/{case['id']}/actions", json=body | {"version": case["version"]}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("who", "kinds"), [("roads", {"case"}), ("water", set[str]()), ("north", set[str]())])
def test_live_changes_are_of_rows_in_scope(
    case_of_roads: tuple[httpx.Client, dict[str, Any], Town], who: str, kinds: set[str]
) -> None:
    client, case, town = case_of_roads
    town.sees(bus="bus-3", minutes=20, north_m=900)
    marks: set[str] = set()
    with client.stream("GET", "/events", headers=headers_of(who)) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if line == "event: ready")
        body = {"action": "comment", "reason": "now", "version": case["version"]}
        headers = headers_of("all") | {"Idempotency-Key": f"test-live-{who}"}
        client.post(f"/cases/{case['id']}/actions", json=body, headers=headers)
        town.store()
        town.work()
        for line in lines:
            marks |= {line.removeprefix("event: ")} if line.startswith("event: ") else set()
            if "finding" in marks:  # everybody is told of the new one in the north, and it is the last
                break
    assert marks - {"finding", "observation", "bus"} == kinds
