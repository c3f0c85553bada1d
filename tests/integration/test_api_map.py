# ruff: noqa: ANN401 - JSON is of any type
"""The map: findings where there are few, cells where there are many, and the counts that follow every change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from pydantic import TypeAdapter

from cloud.api.routes import map_view
from cloud.api.routes.map_view import (
    _CELLS,  # pyright: ignore[reportPrivateUsage]
    _COARSEST,  # pyright: ignore[reportPrivateUsage]
    _FINDINGS,  # pyright: ignore[reportPrivateUsage]
    MapCells,
    MapFindings,
    MapView,
)
from cloud.db.pool import connect
from cloud.findings.cells import COARSEST, FINEST, parent_of
from cloud.findings.map_cells import (
    _COUNT,  # pyright: ignore[reportPrivateUsage]
    ALL_CLASSES,
    count_marked_cells,
)
from cloud.observations.tables import cell_of
from cloud.people.scope import EVERYTHING
from tests.integration.api_server import api_client
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place

VIEW = TypeAdapter[MapFindings | MapCells](MapView)


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with api_client(town.url, tmp_path) as client:
        yield client


def box_around(reach: float = 0.02) -> str:
    lon, lat = place(0, 0)
    return f"{lon - reach},{lat - reach},{lon + reach},{lat + reach}"


def look(api: httpx.Client, *, zoom: float, bbox: str | None = None, **question: Any) -> MapFindings | MapCells:
    response = api.get("/map", params={"zoom": zoom, "bbox": bbox or box_around()} | question)
    assert response.status_code == 200, response.text
    return VIEW.validate_json(response.content)


def pothole_with_a_case_and_a_crack(town: Town) -> None:
    """A pothole that is open, with a case, and a crack 60 m to the north that is a candidate."""
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.looks(bus="bus-3", minutes=20)
    town.sees(bus="bus-1", minutes=1, north_m=60, class_code="D00")
    town.store()
    town.work()
    count(town)


def count(town: Town) -> int:
    with connect(town.url, autocommit=True) as connection:
        return count_marked_cells(connection)


def totals(town: Town) -> list[tuple[int, int]]:
    """Findings and open cases at each resolution, coarsest first, as the classes and as their sums have it."""
    rows = town.rows("""
        SELECT substr(cell, 2, 1) AS resolution, class_code = '' AS is_sum, sum(light + medium + heavy) AS f,
            sum(open_cases) AS c
        FROM map_cells GROUP BY 1, 2 ORDER BY 1, 2
    """)
    counted = [(row["f"], row["c"]) for row in rows]
    assert counted[::2] == counted[1::2]
    return counted[::2]


def test_close_up_each_finding_is_shown(api: httpx.Client, town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    view = look(api, zoom=15)

    assert isinstance(view, MapFindings)
    assert view.is_complete
    assert sorted((found.class_code, found.state) for found in view.findings) == [("D00", "candidate"), ("D40", "open")]


def test_from_far_away_cells_are_counted(api: httpx.Client, town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    view = look(api, zoom=8, bbox="119,26,121,28")

    assert isinstance(view, MapCells)
    assert [(cell.findings, cell.open_cases, cell.worst_severity) for cell in view.cells] == [(2, 1, "heavy")]
    assert view.cells[0].ring[0] == view.cells[0].ring[-1]


def test_the_whole_world_is_the_coarsest_cells(api: httpx.Client, town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    view = look(api, zoom=0, bbox="-180,-90,180,90")

    assert isinstance(view, MapCells)
    assert view.resolution == COARSEST
    assert [cell.findings for cell in view.cells] == [2]


@pytest.mark.parametrize(
    ("question", "expected"),
    [({"class": "D00"}, 1), ({"state": "open"}, 1), ({"state": "gone"}, 0), ({"class": ["D00", "D40"]}, 2)],
    ids=["class", "state", "none", "two classes"],
)
@pytest.mark.parametrize("zoom", [8, 15])
def test_filters_hold_for_findings_and_cells(
    api: httpx.Client, town: Town, zoom: float, question: dict[str, Any], expected: int
) -> None:
    pothole_with_a_case_and_a_crack(town)
    view = look(api, zoom=zoom, **question)

    shown = len(view.findings) if isinstance(view, MapFindings) else sum(cell.findings for cell in view.cells)
    assert shown == expected


def test_many_findings_become_cells_until_one_stands_among_them(
    api: httpx.Client, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    pothole_with_a_case_and_a_crack(town)
    monkeypatch.setattr(map_view, "MAX_FINDINGS", 1)
    far, near = look(api, zoom=14), look(api, zoom=17)

    assert isinstance(far, MapCells)
    assert isinstance(near, MapFindings)
    assert (len(near.findings), near.is_complete) == (1, False)


@pytest.mark.parametrize(
    "question",
    [{"zoom": 5}, {"bbox": box_around()}, {"zoom": 5, "bbox": "3,2,1,0"}, {"zoom": 99, "bbox": box_around()}],
    ids=["no bbox", "no zoom", "bbox upside down", "zoom beyond"],
)
def test_what_cannot_be_drawn_is_refused(api: httpx.Client, question: dict[str, Any]) -> None:
    assert api.get("/map", params=question).status_code == 422


def test_every_resolution_counts_the_same(town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)

    assert totals(town) == [(2, 1)] * (FINEST - COARSEST + 1)


def test_what_is_gone_merged_or_closed_is_not_counted_any_longer(town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    town.change("UPDATE cases SET state = 'closed'")
    crack, pothole = (found["id"] for found in sorted(town.findings(), key=lambda found: found["class_code"]))
    town.change("UPDATE findings SET merged_into = %s WHERE id = %s", pothole, crack)
    count(town)

    assert totals(town) == [(1, 0)] * (FINEST - COARSEST + 1)


def test_a_finding_that_moves_leaves_its_cell(town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    lon, lat = place(0, 5000)
    town.change("UPDATE findings SET cell = %s WHERE class_code = 'D00'", cell_of(lon=lon, lat=lat))
    count(town)

    finest = town.rows(
        "SELECT cell, light + medium + heavy AS n FROM map_cells WHERE parent IS NOT NULL AND class_code = ''"
    )
    assert {row["cell"]: row["n"] for row in finest}[cell_of(lon=lon, lat=lat)] == 1
    assert totals(town) == [(2, 1)] * (FINEST - COARSEST + 1)


def test_a_pass_that_changes_no_count_marks_nothing(town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    town.change("UPDATE findings SET existence = 0.5, passes_seen = passes_seen + 1")

    assert count(town) == 0


def test_whoever_counts_meanwhile_is_not_waited_for(town: Town) -> None:
    pothole_with_a_case_and_a_crack(town)
    town.change("UPDATE findings SET severity = 'light'")
    with connect(town.url, autocommit=True) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('busense.map_cells', 0))")
        assert count(town) == 0
    assert count(town) > 0


SPREAD = """
INSERT INTO findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2,
    north_m2, position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at, looked_lon,
    looked_lat)
SELECT gen_random_uuid(), 'testcity', cell, 'D40', 'light', 'open', 0.9, lon, lat, 4, 0, 4, 2, 0, 2, 0, now(), now(),
    lon, lat
FROM unnest(%s::text[], %s::float8[], %s::float8[]) AS p (cell, lon, lat)
"""


def spread(town: Town, side: int = 150) -> None:
    """Findings in rows and columns 300 m apart."""
    places = [place(300.0 * column, 300.0 * row) for row in range(side) for column in range(side)]
    cells = [cell_of(lon=lon, lat=lat) for lon, lat in places]
    town.change(SPREAD, cells, [lon for lon, _ in places], [lat for _, lat in places])
    count(town)
    with connect(town.url, autocommit=True) as connection:
        connection.execute("ANALYZE findings")
        connection.execute("ANALYZE map_cells")


def plan_of(town: Town, statement: LiteralString, values: dict[str, Any] | tuple[Any, ...]) -> str:
    with psycopg.connect(town.url) as connection:
        rows = connection.execute("EXPLAIN " + statement, values).fetchall()
    return "\n".join(row[0] for row in rows)


def test_each_query_is_answered_from_its_index(town: Town) -> None:
    spread(town)
    lon, lat = place(1000, 1000)
    box = {"min_lon": lon - 0.01, "min_lat": lat - 0.01, "max_lon": lon + 0.01, "max_lat": lat + 0.01}
    shown: dict[str, Any] = {"states": ["open"], "classes": None, "counted": [ALL_CLASSES]}
    near = cell_of(lon=lon, lat=lat)
    plans = {
        "findings_place_idx": plan_of(town, _FINDINGS, shown | box | EVERYTHING.values() | {"limit": 1501}),
        "map_cells_pkey": plan_of(town, _CELLS, shown | {"cells": [near, parent_of(near)]}),
        "map_cells_parent_idx": plan_of(town, _COARSEST, shown),
        "findings_map_idx": plan_of(town, _COUNT, ([near], [parent_of(near)])),
    }

    for index, plan in plans.items():
        assert index in plan, plan
        assert "Seq Scan on findings" not in plan, plan
        assert "Seq Scan on map_cells" not in plan, plan
