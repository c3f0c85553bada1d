# ruff: noqa: ANN401 - JSON is of any type
"""The layers of the map over HTTP: which there are for whom, and each as it was at a time."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
import pytest
from shapely.geometry import box

from busense.local.postgres import LocalPostgres
from cloud.findings.cells import cell_of
from cloud.map import LAYERS
from cloud.map.driving import DRIVING, places_of
from cloud.map.layer import MOST, Glance, Layer
from cloud.people.accounts import Wish
from cloud.people.model import Role
from cloud.people.scope import Scope
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.test_map_past import glance_at
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT
from wire.messages import Kind

EVERYBODY = {"condition", "furniture", "stops", "findings", "buses"}
NOW = datetime.now(UTC).replace(microsecond=0)
LON, LAT = place(0, 0)
AROUND = f"{LON - 0.02},{LAT - 0.02},{LON + 0.02},{LAT + 0.02}"
_AS_IF_LARGE = "UPDATE pg_class SET reltuples = 1000000, relpages = 1 WHERE relname = ANY(%s) AND relkind = 'r'"
LARGE = (
    *("findings", "finding_history", "cases", "case_events", "segments", "segment_history", "things", "travel_watch"),
    "stop_presence",
)
SOON = (NOW + timedelta(days=100)).date().isoformat()

_CONDITION = """
INSERT INTO roads (id, name, kind, line, min_lon, min_lat, max_lon, max_lat)
VALUES ('r', 'Street', 'residential', '[[120.4, 27.5], [120.401, 27.5]]', %(lon)s, %(lat)s, %(lon)s, %(lat)s);
INSERT INTO segments (id, course, road_id, line, length_m, min_lon, min_lat, max_lon, max_lat)
VALUES ('aa', 'aa', 'r', '[[120.4, 27.5], [120.401, 27.5]]', 100, %(lon)s, %(lat)s, %(lon)s, %(lat)s);
INSERT INTO segment_conditions (segment_id, assessed_at, pci_estimate, pci_low, pci_high, surveyed_share, looks,
    findings, last_looked_at) VALUES ('aa', now(), 55, 50, 60, 1, 3, 4, now());
INSERT INTO segment_history (segment_id, day, pci_estimate, pci_low, pci_high, surveyed_share, findings, last_looked_at)
VALUES ('aa', '2026-11-20', 92, 90, 95, 1, 0, '2026-11-20T09:00Z'),
    ('aa', '2026-11-24', 75, 70, 80, 1, 2, '2026-11-24T09:00Z');
"""


@pytest.fixture(scope="module")
def town(postgres: LocalPostgres, template_database: str) -> Iterator[Town]:
    """A pothole that two buses saw and a third did not, with a case; a street; what buses drove, heard and felt."""
    create_database(postgres, "test_map_layers", template=template_database)
    town = Town(url=postgres.url("test_map_layers"))
    add_people(
        town.url,
        Wish(name="view", role=Role.VIEWER),
        Wish(name="fleet", role=Role.FLEET),
        Wish(name="safe", role=Role.SAFETY),
        Wish(name="chen", role=Role.CARE),
        Wish(name="liu", role=Role.CARE),
        Wish(name="far", role=Role.VIEWER, areas=("north",)),
    )
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.looks(bus="bus-3", minutes=20)
    drives(town)
    town.store()
    town.work()
    for statement in _CONDITION.split(";")[:-1]:
        town.change(statement % {"lon": LON, "lat": LAT})  # pyright: ignore[reportArgumentType]
    yield town
    drop_database(postgres, "test_map_layers")


def drives(town: Town) -> None:
    """One bus goes north for half a minute."""
    for number in range(3):
        start = AT + timedelta(minutes=30, seconds=10 * number)
        town.outboxes["bus-1"].at = start + timedelta(seconds=10)
        points = [point(start + timedelta(seconds=second), 10.0 * number + second) for second in range(10)]
        town.messages.append(town.outboxes["bus-1"].message(Kind.TRACK, points=points))


def point(at: datetime, north_m: float) -> dict[str, Any]:
    lon, lat = place(0, north_m)
    return {"at": at.isoformat(), "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "gnss", "heading_deg": 0.0}


@pytest.fixture(scope="module")
def people(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    folder: Path = tmp_path_factory.mktemp("pictures")
    with (
        running_server(town.url, folder, visitors=False, vault_file=folder / "vault.key") as (_, address),
        ExitStack() as stack,
    ):
        clients = {
            name: stack.enter_context(browser_at(address)) for name in ("view", "fleet", "safe", "chen", "liu", "far")
        }
        for name, client in clients.items():
            assert sign_in(client, name).status_code == 201
        yield clients


def layers(client: httpx.Client) -> dict[str, dict[str, Any]]:
    response = client.get("/map/layers")
    assert response.status_code == 200, response.text
    return {layer["id"]: layer for layer in response.json()["layers"]}


def drawn(client: httpx.Client, layer: str, at: datetime | None = None, **question: Any) -> list[dict[str, Any]]:
    """Properties of what a layer draws."""
    asked = {"bbox": AROUND, "zoom": 15} | ({"at": at.isoformat()} if at else {}) | question
    response = client.get(f"/map/layers/{layer}", params=asked)
    assert response.status_code == 200, response.text
    return [feature["properties"] for feature in response.json()["features"]]


def after(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("view", EVERYBODY | {"cases"}),
        ("fleet", EVERYBODY),
        ("safe", EVERYBODY | {"cases", "driving"}),
        ("chen", EVERYBODY | {"tag_coverage"}),
    ],
    ids=["viewer", "fleet", "safety", "care"],
)
def test_a_layer_that_somebody_may_not_see_is_not_even_named(
    people: dict[str, httpx.Client], name: str, expected: set[str]
) -> None:
    named = set(layers(people[name]))
    assert expected <= named
    assert not named & ({"cases", "driving", "tag_coverage", "search"} - expected)


@pytest.mark.parametrize(
    ("name", "layer"),
    [("view", "driving"), ("view", "tag_coverage"), ("view", "search"), ("safe", "search"), ("fleet", "cases")],
)
def test_nor_is_it_drawn_by_its_address(people: dict[str, httpx.Client], name: str, layer: str) -> None:
    assert people[name].get(f"/map/layers/{layer}", params={"bbox": AROUND, "zoom": 15}).status_code == 403


def test_each_layer_says_how_fresh_it_is(people: dict[str, httpx.Client]) -> None:
    known = layers(people["view"])
    assert known["cases"]["newest_at"] is not None
    assert {layers(people["far"])[layer]["newest_at"] for layer in ("cases", "findings")} == {None}, "not in its areas"
    assert known["findings"]["newest_at"].startswith("2026-11-24T08:40:15")
    assert (known["condition"]["is_fresh"], known["stops"]["newest_at"], known["stops"]["has_past"]) == (
        True,
        None,
        True,
    )


def test_a_case_is_drawn_from_its_opening_on_and_in_its_state_then(town: Town, people: dict[str, httpx.Client]) -> None:
    (opened,) = town.rows("SELECT opened_at AS at FROM cases")
    assert drawn(people["view"], "cases", opened["at"] - timedelta(seconds=1)) == []
    (shown,) = drawn(people["view"], "cases", opened["at"] + timedelta(seconds=1))
    assert (shown["state"], shown["kind"]) in {("filed", "running"), ("reported", "running"), ("dispatched", "running")}
    town.change(
        "INSERT INTO case_history SELECT case_id, 99, now(), actor, action, reason, from_state, 'closed',"
        " previous_hash, hash FROM case_history WHERE serial = 1"
    )
    assert drawn(people["view"], "cases") == []
    assert len(drawn(people["view"], "cases", opened["at"] + timedelta(seconds=1))) == 1


def test_an_area_of_an_account_narrows_the_past_too(people: dict[str, httpx.Client]) -> None:
    then = datetime.now(UTC)
    assert [len(drawn(people[name], "findings", then)) for name in ("view", "far")] == [1, 0]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-20T12:00:00+00:00", "unknown"),
        ("2026-11-21T12:00:00+00:00", "excellent"),
        ("2026-11-24T12:00:00+00:00", "excellent"),
        ("2026-11-25T12:00:00+00:00", "fair"),
    ],
    ids=["before its first day ends", "the day after", "a day of news is told when it is over", "then it counts"],
)
def test_condition_is_that_of_the_day_before(people: dict[str, httpx.Client], at: str, expected: str) -> None:
    (shown,) = drawn(people["view"], "condition", datetime.fromisoformat(at))
    assert shown["kind"] == expected


def test_condition_now_is_the_present_estimate(people: dict[str, httpx.Client]) -> None:
    (shown,) = drawn(people["view"], "condition")
    assert (shown["kind"], shown["is_stale"], shown["name"]) == ("bad", False, "Street")


def test_a_bus_of_the_past_is_where_it_was_and_not_named(people: dict[str, httpx.Client]) -> None:
    response = people["view"].get(
        "/map/layers/buses", params={"bbox": AROUND, "zoom": 15, "at": (after(30) + timedelta(seconds=12)).isoformat()}
    )
    (feature,) = response.json()["features"]
    assert feature["geometry"]["coordinates"][1] == pytest.approx(place(0, 12)[1], abs=1e-5)
    assert (feature["properties"]["name"], "bus-1" in response.text) == (None, False)


def test_a_bus_that_was_silent_is_nowhere(people: dict[str, httpx.Client]) -> None:
    assert drawn(people["view"], "buses", after(40)) == []


def test_now_the_bus_has_its_name(town: Town, people: dict[str, httpx.Client]) -> None:
    town.change(
        "INSERT INTO devices (city, device, secret_hash, lon, lat, position_at, revoked_at)"
        " SELECT city, 'revoked', secret_hash, lon, lat, position_at, now() FROM devices WHERE device = 'bus-1'"
    )
    assert [(one["name"], one["is_stale"]) for one in drawn(people["view"], "buses")] == [("bus-1", True)]


THING = """
INSERT INTO inventory.findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2,
    east_north_m2, north_m2, position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at,
    looked_lon, looked_lat)
VALUES (%(id)s, 'testcity', '', 'sign', 'light', 'open', 1, %(lon)s, %(lat)s, 4, 0, 4, 2, 0, 3, 0, %(seen)s, %(seen)s,
    %(lon)s, %(lat)s);
INSERT INTO inventory.things (id, city, kind, source, reference, state, state_since, there, gone, hidden)
VALUES (%(id)s, 'testcity', 'sign', 'imported', %(reference)s, 'missing', %(since)s, 0.1, 0.9, 0)
"""
WATCH: LiteralString = "INSERT INTO travel_watch VALUES ('testcity', %s, %s, %s, %s, %s, '[]')"


def add_thing(connection: psycopg.Connection[Any], reference: str) -> None:
    """A sign that is missing since an hour after the first sighting."""
    values = {"id": uuid4(), "reference": reference, "lon": LON, "lat": LAT, "seen": AT, "since": after(60)}
    for statement in THING.split(";"):
        connection.execute(statement, values)  # pyright: ignore[reportArgumentType]


def test_a_thing_is_as_it_was_then_and_unknown_before(town: Town, people: dict[str, httpx.Client]) -> None:
    with psycopg.connect(town.url) as connection:
        add_thing(connection, "S-12")
        connection.execute("UPDATE inventory.things SET state = 'seen', state_since = %s", (after(90),))
    moments = (None, after(75), after(30))
    (now,), (then,), (before,) = (drawn(people["view"], "furniture", at) for at in moments)
    assert [one["kind"] for one in (now, then, before)] == ["seen", "missing", "unknown"]
    assert now["name"] == "S-12"
    assert [layers(people[name])["furniture"]["newest_at"] is None for name in ("view", "far")] == [False, True]
    assert set(now["title"]) == {"zh", "en"}


def test_a_stop_is_told_by_its_name_and_by_the_water_over_its_road(town: Town, people: dict[str, httpx.Client]) -> None:
    for stop in ("bus-5", "nowhere"):
        town.change("INSERT INTO travel_stops VALUES (%s, %s, %s, %s)", stop, f"Stop {stop}", LON, LAT)
    shown = {one["name"]: (one["kind"], one["value"]) for one in drawn(people["view"], "stops")}
    assert shown == {"Stop bus-5": ("offline", None), "Stop nowhere": ("named", None)}

    town.change(
        "INSERT INTO water_gauges (city, device, sensor, is_flooded, level_m, level_at)"
        " VALUES ('testcity', 'bus-5', 'kerb', true, 0.21, now())"
    )
    shown = {one["name"]: (one["kind"], one["value"]) for one in drawn(people["view"], "stops")}
    assert shown["Stop bus-5"] == ("flooded", 0.21)

    town.change("UPDATE devices SET revoked_at = now() WHERE device = 'bus-5'")
    shown = {one["name"]: (one["kind"], one["value"]) for one in drawn(people["view"], "stops")}
    assert shown["Stop bus-5"] == ("named", None)


def incidents(*of_buses: str) -> list[dict[str, Any]]:
    return [{"device": bus, "kind": "harsh_braking", "lon": LON, "lat": LAT} for bus in of_buses]


@pytest.mark.parametrize(
    ("of_buses", "counts"),
    [(("a", "a", "b"), [3]), (("a", "a", "a"), []), (("a", "b"), [])],
    ids=["several of several", "all of one bus", "too few"],
)
def test_a_place_of_harsh_driving_never_tells_of_one_bus(of_buses: tuple[str, ...], counts: list[int]) -> None:
    assert [one.count for one in places_of(incidents(*of_buses), resolution=9)] == counts


def test_harsh_driving_is_told_without_bus_and_time(town: Town, people: dict[str, httpx.Client]) -> None:
    for number, bus in enumerate(("bus-1", "bus-1", "bus-2")):
        at = NOW - timedelta(hours=number + 1)
        town.change(
            "INSERT INTO driving_incidents (city, device, kind, from_at, to_at, received_at, lon, lat, peak_mps2,"
            " speed_mps, severity, evidence) VALUES ('testcity', %s, 'harsh_braking', %s, %s, now(), %s, %s, -4, 9, 2,"
            " '[]')",
            *(bus, at, at, LON, LAT),
        )
    (shown,) = drawn(people["safe"], "driving")
    assert (shown["kind"], shown["count"], shown["at"], shown["name"]) == ("harsh_braking", 3, None, None)
    assert layers(people["safe"])["driving"]["newest_at"].endswith(":00:00Z")
    with psycopg.connect(town.url) as connection:
        elsewhere = Scope(areas=(box(LON + 1, LAT, LON + 2, LAT + 1),)).values() | {"city": "testcity"}
        assert connection.execute(DRIVING.newest, elsewhere).fetchall() == []


def test_tags_can_be_heard_where_a_reader_listened_in_the_last_hour(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    heard, deaf = cell_of(9, lon=LON, lat=LAT), cell_of(9, lon=LON + 0.01, lat=LAT)
    for device, cell, is_listening in (("bus-1", heard, True), ("bus-2", deaf, False)):
        town.change(
            WATCH,
            *(device, NOW - timedelta(minutes=30), NOW - timedelta(minutes=29), is_listening, [cell]),
        )
    assert [one["id"] for one in drawn(people["chen"], "tag_coverage")] == [heard]
    assert drawn(people["chen"], "tag_coverage", NOW - timedelta(hours=1)) == []


@pytest.mark.parametrize(("layer", "zoom"), [("findings", 10), ("cases", 8), ("condition", 9)])
def test_from_too_far_nothing_is_drawn_and_it_says_so(people: dict[str, httpx.Client], layer: str, zoom: float) -> None:
    answer = people["view"].get(f"/map/layers/{layer}", params={"bbox": AROUND, "zoom": zoom}).json()
    assert (answer["features"], answer["is_complete"]) == ([], False)


@pytest.mark.parametrize(
    "question",
    [{"zoom": 5}, {"bbox": AROUND, "zoom": 5, "at": "2026-11-20T12:00:00"}, {"bbox": "1,2,0,3", "zoom": 5}],
    ids=["no bbox", "a time of no zone", "bbox backwards"],
)
def test_what_cannot_be_drawn_is_refused(people: dict[str, httpx.Client], question: dict[str, Any]) -> None:
    assert people["view"].get("/map/layers/buses", params=question).status_code == 422


def test_somebody_is_on_the_map_only_while_a_search_is_open_and_each_look_is_written(
    town: Town, people: dict[str, httpx.Client]
) -> None:
    chen, liu = people["chen"], people["liu"]
    child = lost_child(town, chen)
    look = chen.post(
        f"/travel/people/{child}/looks", json={"kind": "search", "purpose": "not at school", "minutes": 30}
    ).json()["id"]
    assert "search" not in layers(chen)
    assert drawn(chen, "search") == []

    assert liu.post(f"/travel/looks/{look}/approve").status_code == 204
    assert "search" in layers(chen)
    assert "last" in {one["kind"] for one in drawn(chen, "search")}
    assert {one["id"] for one in drawn(chen, "search")} == {look}
    assert drawn(chen, "search", NOW - timedelta(minutes=5)) == []
    deeds = [line["deed"] for line in chen.get(f"/travel/people/{child}").json()["history"]]
    assert deeds.count("look") == 1

    assert chen.post(f"/travel/looks/{look}/close", json={"outcome": "found"}).status_code == 204
    assert "search" not in layers(chen)
    assert drawn(chen, "search") == []


def lost_child(town: Town, chen: httpx.Client) -> str:
    """Somebody with consent who was heard ten minutes ago."""
    child = str(chen.post("/travel/people", json={"name": "小明", "kind": "child"}).json()["id"])
    consent = {"given_by": "王芳", "covers": ["journeys", "search"], "until": SOON}
    chen.post(f"/travel/people/{child}/consents", json=consent)
    tag = {"kind": "eid", "secret": bytes(range(16)).hex(), "exponent": 10, "counter_s": 65280}
    number = chen.post(f"/travel/people/{child}/tags", json=tag).json()["id"]
    at = NOW - timedelta(minutes=10)
    town.change(
        "INSERT INTO travel_heard VALUES (%s, 'testcity', 'bus-1', gen_random_uuid(), 0, %s, %s, %s, %s, %s, 30, -70)",
        *(child, number, at, at, LON, LAT),
    )
    return child


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGlance(Glance):
    """Asks how the database would answer, instead of asking."""

    plans: list[str]

    def rows(self, statement: LiteralString, **values: object) -> list[Any]:
        known = self.box | self.scope.values() | {"city": self.city, "at": self.at, "most": MOST + 1}
        with self.connection.cursor() as cursor:
            plan = cursor.execute("EXPLAIN " + statement, known | values).fetchall()
        self.plans.append("\n".join(line for (line,) in plan))
        return []


@pytest.mark.parametrize("is_past", [False, True], ids=["now", "then"])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.id)
def test_a_layer_reads_none_of_the_large_tables_whole(town: Town, layer: Layer, is_past: bool) -> None:  # noqa: FBT001
    """The planner is told that the tables hold a million rows each."""
    with psycopg.connect(town.url) as connection:
        add_thing(connection, "S-13")  # the planner asks a table itself whether it is empty
        connection.execute(WATCH, ("bus-6", NOW, NOW + timedelta(minutes=1), True, [cell_of(9, lon=LON, lat=LAT)]))
        connection.execute("INSERT INTO stop_presence VALUES ('testcity', 'bus-6', %s, 'online')", (NOW,))
        connection.execute(_AS_IF_LARGE, (list(LARGE),))
        seen = glance_at(connection, NOW - timedelta(days=2) if is_past else NOW, is_past=is_past)
        glance = PlannedGlance(**{each.name: getattr(seen, each.name) for each in fields(seen)}, plans=[])
        layer.draw(glance)
        connection.rollback()
    assert [line for plan in glance.plans for line in read_whole(plan)] == [], "\n".join(glance.plans)


def read_whole(plan: str) -> list[str]:
    """Scans of a large table without a condition on an index."""
    lines = plan.splitlines()
    return [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if any(f" on {name} " in line for name in LARGE) and "Scan" in line and "Bitmap Heap" not in line
        if "Index Cond" not in following
    ]
