# ruff: noqa: ANN401 - JSON is of any type
"""Road condition over HTTP."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from cloud.condition.passes import note_passes
from cloud.condition.rules import load_rules
from cloud.condition.step import update_conditions
from cloud.db.pool import connect
from cloud.findings.repository import mark_merged
from cloud.people.accounts import Wish
from cloud.people.model import Role
from cloud.roads.imports import import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from tests.integration.api_server import api_client
from tests.integration.office import add_person, headers_of, token_of
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import Outbox
from wire.messages import Kind

AT = datetime.now(UTC) - timedelta(days=6)
"""A road is known for some days; the server asks its own clock."""
COUNTY = ZoneInfo("Asia/Shanghai")
RULES = load_rules()
LINE = ((1.7, -100.0), (1.7, -50.0), (1.7, 0.0))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def town(database: str) -> Town:
    """A damaged, a sound and an unseen segment; the first two were looked at, the first also driven."""
    main = Road(
        id="main", name="人民大道", kind="primary", width_m=7.0, line=(place(0, -100), place(0, 0), place(0, 100))
    )
    side = Road(id="side", name="=side", kind="residential", line=(place(0, 0), place(100, 0)))
    with connect(database) as connection:
        import_roads(connection, join_roads([main, side]), at=AT)
    town = Town(url=database, begin=AT)
    for bus in ("bus-1", "bus-2", "bus-3"):
        town.looks(bus=bus, line_m=LINE, left_m=6.0)
        town.looks(bus=bus, minutes=0.2, line_m=tuple((east, north + 100) for east, north in LINE), left_m=6.0)
        town.sees(bus=bus, north_m=-50, class_code="D20", area_m2=15.0, confidence=0.95)
    points = [
        {"at": (AT + timedelta(seconds=n)).isoformat(), "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "gnss"}
        for n in range(20)
        for lon, lat in [place(1.7, -95.0 + 4.5 * n)]
    ]
    town.messages.append(Outbox(device="bus-4", at=AT).message(Kind.TRACK, points=points))
    town.store()
    town.work()
    with connect(database, autocommit=True) as connection:
        update_conditions(connection, rules=RULES, now=now)
        note_passes(connection, rules=RULES, now=now)
    return town


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with api_client(town.url, tmp_path) as client:
        yield client


def get(api: httpx.Client, path: str, **question: Any) -> Any:
    response = api.get(path, params=question)
    assert response.status_code == 200, response.text
    return response.json()


def test_segments_are_geojson_with_estimates(api: httpx.Client) -> None:
    answer = get(api, "/segments")

    assert answer["is_complete"]
    by_grade = sorted(answer["features"], key=lambda feature: feature["properties"]["pci_estimate"] or 101)
    worst, sound, unseen = by_grade
    assert worst["geometry"]["type"] == "LineString"
    assert worst["properties"]["findings"] == 1
    assert worst["properties"]["pci_low"] < worst["properties"]["pci_estimate"] <= worst["properties"]["pci_high"]
    assert sound["properties"]["grade"] in {"excellent", "good"}
    assert (unseen["properties"]["grade"], unseen["properties"]["is_stale"]) == ("unknown", True)


def test_segments_can_be_asked_for_by_place_grade_and_whether_seen(api: httpx.Client) -> None:
    lon, lat = place(50, 0)
    assert len(get(api, "/segments", seen=True)["features"]) == 2
    assert len(get(api, "/segments", grade="unknown")["features"]) == 1
    near = get(api, "/segments", bbox=f"{lon},{lat - 0.0001},{lon + 0.0001},{lat + 0.0001}")
    assert [feature["properties"]["name"] for feature in near["features"]] == ["=side"]
    assert not get(api, "/segments", limit=1)["is_complete"]


def test_segment_tells_what_its_condition_follows_from(api: httpx.Client) -> None:
    worst = get(api, "/condition/worst")["items"][0]
    found = get(api, f"/segments/{worst['id']}")["properties"]

    assert found["found"][0]["class_name"]["en"] == "Alligator crack"
    assert {survey["device"] for survey in found["surveys"]} == {"bus-1", "bus-2", "bus-3"}
    assert len(found["history"]) == 1
    assert found["passes"][0]["device"] == "bus-4"
    assert datetime.fromisoformat(found["passes"][0]["next_expected_at"]) > AT
    assert get(api, f"/segments/{worst['id']}?by=week")["properties"]["history"]


def test_findings_on_a_segment_are_told_by_area(api: httpx.Client, town: Town) -> None:
    with connect(town.url) as connection:
        add_person(connection, Wish(name="south", role=Role.OPERATOR, areas=("south",)), token=token_of("south"))
    worst = get(api, "/condition/worst")["items"][0]
    told = api.get(f"/segments/{worst['id']}", headers=headers_of("south")).json()["properties"]
    assert (told["findings"], told["found"]) == (1, []), "what only counts counts everything"


@pytest.mark.parametrize(
    ("path", "question"),
    [
        ("/condition/report", {"month": "9999-12"}),
        ("/condition/report", {"month": "0001-01"}),
        ("/map/layers/buses", {"bbox": "120,27,121,28", "zoom": 12, "at": "0001-01-01T00:00:00Z"}),
    ],
    ids=["last month of all", "first month of all", "first day of all"],
)
def test_a_time_at_the_edge_of_the_calendar_is_a_problem_of_who_asks(
    api: httpx.Client, path: str, question: dict[str, Any]
) -> None:
    assert api.get(path, params=question).status_code == 422


def test_unknown_segment_is_a_problem(api: httpx.Client) -> None:
    response = api.get("/segments/00ff")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_worst_come_first_and_unknown_ones_not_at_all(api: httpx.Client) -> None:
    items = get(api, "/condition/worst")["items"]
    assert len(items) == 2
    assert items[0]["pci_estimate"] < items[1]["pci_estimate"]


def test_stale_segments_name_the_buses_that_would_refresh_them(api: httpx.Client, town: Town) -> None:
    assert [item["name"] for item in get(api, "/condition/stale")["items"]] == ["=side"]
    assert get(api, "/condition/stale", reachable=True)["items"] == []
    town.change("UPDATE segment_conditions SET last_looked_at = %s", AT - timedelta(days=20))
    reachable = get(api, "/condition/stale", reachable=True)["items"]
    assert [usual["device"] for item in reachable for usual in item["passes"]] == ["bus-4"]


def test_summary_adds_up(api: httpx.Client) -> None:
    summary = get(api, "/condition/summary")
    assert (summary["segments"], summary["surveyed_segments"], summary["stale_segments"]) == (3, 2, 1)
    assert summary["length_km"] == pytest.approx(0.3, abs=0.001)
    assert sum(grade["segments"] for grade in summary["grades"].values()) == 3
    assert 0 < summary["pci_estimate"] < 100


def test_csv_opens_in_a_spreadsheet_without_running_a_name(api: httpx.Client) -> None:
    response = api.get("/condition/export.csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))

    assert "attachment" in response.headers["content-disposition"]
    assert sorted(row["name"] for row in rows) == ["'=side", "人民大道", "人民大道"]


def test_geojson_export_is_the_whole_network(api: httpx.Client) -> None:
    assert len(get(api, "/condition/export.geojson")["features"]) == 3


@pytest.mark.parametrize(("lang", "title"), [("zh", "路况月报"), ("en", "Road condition report")])
def test_report_is_a_page_for_print(api: httpx.Client, town: Town, lang: str, title: str) -> None:
    ((month,),) = [row.values() for row in town.rows("SELECT to_char(max(day), 'YYYY-MM') FROM segment_history")]
    response = api.get("/condition/report", params={"month": month, "lang": lang})

    assert response.headers["content-type"].startswith("text/html")
    assert "style-src 'sha256-" in response.headers["content-security-policy"]
    assert title in response.text
    assert "人民大道" in response.text
    assert response.text.count("<svg") > 4


def test_report_counts_what_is_believed_only(api: httpx.Client, town: Town) -> None:
    month = AT.astimezone(COUNTY).strftime("%Y-%m")

    def told() -> str:
        return api.get("/condition/report", params={"month": month, "lang": "en"}).text

    assert "<td >Alligator crack</td>" in told()
    town.change("UPDATE findings SET state = 'candidate'")
    assert "<td >Alligator crack</td>" not in told()


def test_a_finding_that_was_merged_into_another_is_told_once(api: httpx.Client, town: Town) -> None:
    for bus in ("bus-1", "bus-2", "bus-3"):
        town.sees(bus=bus, north_m=-70, class_code="D20", area_m2=15.0, confidence=0.95)
    town.store()
    town.work()
    with connect(town.url, autocommit=True) as connection:
        ((one,), (other,)) = connection.execute("SELECT id FROM findings ORDER BY id").fetchall()
        mark_merged(connection, other, into=one)
        update_conditions(connection, rules=RULES, now=now)
    worst = get(api, "/condition/worst")["items"][0]
    assert [found["id"] for found in get(api, f"/segments/{worst['id']}")["properties"]["found"]] == [str(one)]
    month = AT.astimezone(COUNTY).strftime("%Y-%m")
    report = api.get("/condition/report", params={"month": month, "lang": "en"}).text
    assert '<td >Alligator crack</td><td class="number">1</td>' in report


def test_report_of_a_month_without_data_says_so(api: httpx.Client) -> None:
    assert "no data" in api.get("/condition/report", params={"month": "2020-02", "lang": "en"}).text


@pytest.mark.parametrize("month", ["2026-13", "2026", "x"])
def test_report_of_no_month_is_refused(api: httpx.Client, month: str) -> None:
    assert api.get("/condition/report", params={"month": month}).status_code == 422
