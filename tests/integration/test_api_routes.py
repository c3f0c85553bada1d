# ruff: noqa: ANN401 - JSON is of any type
"""Every route: what it answers, and how it refuses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from cloud.db.pool import connect
from cloud.findings.map_cells import count_marked_cells
from tests.integration.api_server import api_client
from tests.integration.ingest_database import enrol_devices
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import Outbox
from wire.messages import Kind

UNKNOWN = "01a20d6d-5a00-7b6f-8bad-cce966e8e23a"


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with api_client(town.url, tmp_path) as client:
        yield client


def two_findings(town: Town) -> None:
    """A pothole that is open, with a case, and a crack 200 m to the north that is a candidate."""
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.looks(bus="bus-3", minutes=20)
    town.sees(bus="bus-1", minutes=1, north_m=200, class_code="D00")
    town.store()
    town.work()


def revoked_bus(town: Town) -> None:
    enrol_devices(town.url, ("bus-7",))
    town.change("UPDATE devices SET presence = 'online', revoked_at = now() WHERE device = 'bus-7'")


def get(api: httpx.Client, path: str, **question: Any) -> Any:
    response = api.get(path, params=question)
    assert response.status_code == 200, response.text
    return response.json()


def is_problem(response: httpx.Response, status: int) -> bool:
    body = response.json()
    return (
        response.status_code == status
        and response.headers["content-type"] == "application/problem+json"
        and body["status"] == status
        and bool(body["title"] and body["detail"])
    )


def test_findings_are_geojson(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    answer = get(api, "/findings")

    assert answer["type"] == "FeatureCollection"
    assert answer["next"] is None
    crack, pothole = sorted(answer["features"], key=lambda feature: feature["properties"]["class_code"])
    assert crack["properties"]["state"] == "candidate"
    assert crack["properties"]["case"] is None
    assert pothole["geometry"]["coordinates"] == pytest.approx(place(0, 0), abs=1e-5)
    assert pothole["properties"]["class_name"] == {"zh": "坑槽", "en": "Pothole"}
    assert pothole["properties"]["case"]["state"] == "filed"
    assert (pothole["properties"]["passes_seen"], pothole["properties"]["passes_missed"]) == (2, 1)


@pytest.mark.parametrize(
    ("question", "classes"),
    [
        ({"class": "D40"}, ["D40"]),
        ({"class": ["D40", "D00"]}, ["D00", "D40"]),
        ({"state": "candidate"}, ["D00"]),
        ({"state": "gone"}, []),
        ({"bbox": "120.39,27.49,120.41,27.501"}, ["D40"]),
        ({"bbox": "0,0,1,1"}, []),
        ({"since": "2026-11-24T08:35:00Z"}, ["D40"]),
        ({"since": "2027-01-01T00:00:00+08:00"}, []),
    ],
)
def test_findings_are_filtered(api: httpx.Client, town: Town, question: dict[str, Any], classes: list[str]) -> None:
    two_findings(town)

    found = get(api, "/findings", **question)["features"]
    assert sorted(feature["properties"]["class_code"] for feature in found) == classes


def test_findings_come_in_pages(api: httpx.Client, town: Town) -> None:
    for number in range(5):
        town.sees(north_m=100.0 * number, minutes=number)
    town.store()
    town.work()
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(api, "/findings", limit=2, **cursor)
        seen.extend(feature["id"] for feature in page["features"])
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    "question",
    [
        {"bbox": "1,2,3"},
        {"bbox": "a,b,c,d"},
        {"bbox": "5,0,1,1"},
        {"bbox": "nan,0,1,1"},
        {"bbox": "0,0,1,91"},
        {"class": "D40; DROP"},
        {"state": "unknown"},
        {"since": "yesterday"},
        {"since": "2026-11-24T08:35:00"},
        {"limit": "0"},
        {"limit": "100000"},
        {"cursor": "x"},
        {"colour": "red"},
    ],
)
def test_wrong_question_is_a_problem_that_names_the_value(api: httpx.Client, question: dict[str, str]) -> None:
    response = api.get("/findings", params=question)

    assert is_problem(response, 422)
    assert next(iter(question)) in response.json()["faults"][0]["where"]


def test_unchanged_list_is_not_sent_again(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    tag = api.get("/findings").headers["etag"]

    assert api.get("/findings", headers={"If-None-Match": tag}).status_code == 304
    town.sees(bus="bus-4", minutes=30)
    town.store()
    town.work()
    assert api.get("/findings", headers={"If-None-Match": tag}).status_code == 200


def test_list_has_no_tag_while_an_older_change_may_still_come(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    with psycopg.connect(town.url) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        town.sees(bus="bus-4", minutes=30)
        town.store()
        town.work()
        assert "etag" not in api.get("/findings").headers
    assert "etag" in api.get("/findings").headers


def test_finding_tells_why_it_is_believed(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    (pothole,) = get(api, "/findings", **{"class": "D40"})["features"]
    answer = get(api, f"/findings/{pothole['id']}")

    passes = answer["properties"]["passes"]
    assert [taken["kind"] for taken in passes] == ["seen", "seen", "not_seen"]
    assert [taken["device"] for taken in passes] == ["bus-1", "bus-2", "bus-3"]
    assert passes[0]["probability_after"] == passes[1]["probability_before"]
    assert passes[0]["box_xyxy_px"] is not None
    assert passes[0]["picture"]["available"] is False
    assert passes[2]["observation_id"] is None
    assert "看到" in passes[0]["why"]["zh"]
    assert answer["properties"]["existence"] == passes[-1]["probability_after"]


def test_cases_are_listed_with_their_history(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    page = get(api, "/cases", state="filed")
    (case,) = page["items"]

    assert case["number"].endswith("-000001")
    assert case["unit"] == {"zh": "道路养护中心", "en": "Road maintenance"}
    assert case["due_at"] > case["opened_at"]
    assert get(api, "/cases", state="closed")["items"] == []
    assert get(api, "/cases", **{"class": "D00"})["items"] == []
    history = get(api, f"/cases/{case['id']}")["history"]
    assert [(line["action"], line["from_state"], line["to_state"]) for line in history] == [
        ("open", None, "reported"),
        ("file", "reported", "filed"),
    ]


def test_buses_that_are_let_in_are_listed(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    revoked_bus(town)
    buses = {bus["device"]: bus for bus in get(api, "/buses")["items"]}

    assert len(buses) == 6
    assert (buses["bus-1"]["stored_up_to"], buses["bus-1"]["missing"]) == (2, 0)


def test_bus_says_where_its_outbox_is_and_what_it_gave_up(api: httpx.Client, town: Town) -> None:
    said: dict[str, object] = {"outbox": "disk_full", "outbox_damaged": 1, "pictures_given_up": 2}
    town.store([Outbox(device="bus-2").message(Kind.HEALTH, given_up_counts={"track": 3}, **said)])
    buses = {bus["device"]: bus for bus in get(api, "/buses")["items"]}

    assert said.items() <= buses["bus-2"].items()
    assert buses["bus-2"]["given_up_by_kind"] == {"track": 3}
    assert (buses["bus-1"]["outbox"], buses["bus-1"]["given_up_by_kind"]) == (None, {})


def test_observation_leads_to_its_finding(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    items = get(api, "/observations")["items"]

    assert [item["device"] for item in items] == ["bus-1", "bus-1", "bus-2"]
    assert items[0]["finding_id"] == items[2]["finding_id"] != items[1]["finding_id"]
    assert get(api, f"/observations/{items[0]['id']}") == items[0]


def test_observations_come_in_pages(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    first = get(api, "/observations", limit=2)

    assert first["next"] == first["items"][-1]["id"]
    rest = get(api, "/observations", after=first["next"])
    assert len(rest["items"]) == 1
    assert rest["next"] is None


def test_roads_and_extent(api: httpx.Client, town: Town) -> None:
    assert get(api, "/extent") == {"bbox": None}
    two_findings(town)
    assert get(api, "/extent")["bbox"][:2] == pytest.approx(place(0, 0), abs=1e-5)
    line = "[[120.3, 27.4], [120.5, 27.6]]"
    town.change("INSERT INTO roads VALUES ('1', '人民路', 'primary', %s, 120.3, 27.4, 120.5, 27.6)", line)

    assert get(api, "/extent") == {"bbox": [120.3, 27.4, 120.5, 27.6]}
    (road,) = get(api, "/roads", bbox="120.4,27.5,120.45,27.55")["features"]
    assert road["properties"] == {"name": "人民路", "kind": "primary"}
    assert road["geometry"]["coordinates"] == [[120.3, 27.4], [120.5, 27.6]]
    assert get(api, "/roads", bbox="0,0,1,1")["features"] == []


def test_summary_counts(api: httpx.Client, town: Town) -> None:
    two_findings(town)
    revoked_bus(town)
    with connect(town.url, autocommit=True) as connection:
        count_marked_cells(connection)

    assert get(api, "/summary") == {
        "buses_online": 0,
        "buses_total": 6,
        "observations": 3,
        "stored_messages": 4,
        "redelivered": 0,
        "quarantined": 0,
        "findings_by_state": {"open": 1, "candidate": 1},
        "cases_by_state": {"filed": 1},
        "cases_by_step": {
            "filed": 1,
            "dispatched": 0,
            "accepted": 0,
            "repaired": 0,
            "verified": 0,
            "reopened": 0,
            "rejected": 0,
        },
        "findings_by_class": {"D00": 1, "D40": 1},
    }


def test_catalogue_has_names_and_colours(api: httpx.Client) -> None:
    answer = get(api, "/catalogue")

    assert {"D00", "D10", "D20", "D40", "SIGN_MISSING", "FLOOD"} <= {entry["code"] for entry in answer["classes"]}
    assert {"code": "surface", "name": {"zh": "路面破损", "en": "Surface damage"}} in answer["groups"]


def test_health(api: httpx.Client) -> None:
    assert get(api, "/health") == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/findings/{UNKNOWN}", 404),
        ("/findings/seven", 422),
        (f"/cases/{UNKNOWN}", 404),
        (f"/observations/{UNKNOWN}", 404),
        (f"/observations/{UUID(int=4)}", 422),
        ("/observations/ffffffff-ffff-7000-8000-000000000000", 422),
        (f"/pictures/{'0' * 64}", 404),
        ("/pictures/short", 422),
        ("/nothing", 404),
        ("/events?after=x", 422),
    ],
)
def test_what_is_not_there_is_a_problem(api: httpx.Client, path: str, status: int) -> None:
    assert is_problem(api.get(path), status)


def test_wrong_method_is_a_problem(api: httpx.Client) -> None:
    assert is_problem(api.delete("/findings"), 405)


def test_every_answer_carries_the_security_headers(api: httpx.Client) -> None:
    for path in ("/health", "/nothing"):
        headers = api.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_body_that_is_too_large_is_refused_before_it_is_read(api: httpx.Client) -> None:
    response = api.put(f"/pictures/{'0' * 64}", content=b"x" * 5_000_000)

    assert is_problem(response, 413)
