"""The list of findings of a rectangle: two ways to read it, one answer, and neither reads the whole table."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import httpx
import psycopg
import pytest

from cloud.api.routes.findings import (
    _LIST_BY_AGE,  # pyright: ignore[reportPrivateUsage]
    _LIST_BY_PLACE,  # pyright: ignore[reportPrivateUsage]
    FindingQuestion,
    is_crowded,
)
from cloud.people.scope import EVERYTHING
from tests.integration.api_server import api_client
from tests.integration.test_api_map import plan_of, spread
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place

LIMIT = 40


@pytest.fixture
def town(database: str) -> Town:
    town = Town(url=database)
    spread(town, side=60)  # 18 km
    return town


@pytest.fixture
def api(town: Town, tmp_path: Path) -> Iterator[httpx.Client]:
    with api_client(town.url, tmp_path) as client:
        yield client


def box(*, from_m: float, to_m: float) -> str:
    return ",".join(f"{degrees:.6f}" for degrees in (*place(from_m, from_m), *place(to_m, to_m)))


EVERYWHERE = box(from_m=-100, to_m=18_000)
CORNER = box(from_m=-100, to_m=1000)


def values(bbox: str) -> dict[str, Any]:
    return FindingQuestion(bbox=bbox, limit=LIMIT).values() | EVERYTHING.values()


def ids(town: Town, statement: LiteralString, values: dict[str, Any]) -> list[UUID]:
    with psycopg.connect(town.url) as connection:
        return [row[0] for row in connection.execute(statement, values)]


def pages(api: httpx.Client, bbox: str) -> list[UUID]:
    """All findings of a rectangle, page by page."""
    found: list[UUID] = []
    cursor = None
    while True:
        question = {"bbox": bbox, "limit": LIMIT} | ({"cursor": cursor} if cursor else {})
        answer = api.get("/findings", params=question).raise_for_status().json()
        found += [UUID(feature["id"]) for feature in answer["features"]]
        if (cursor := answer["next"]) is None:
            return found


@pytest.mark.parametrize("bbox", [EVERYWHERE, CORNER], ids=["everywhere", "corner"])
def test_both_ways_lead_to_the_same_page(town: Town, bbox: str) -> None:
    by_age = ids(town, _LIST_BY_AGE, values(bbox))

    assert by_age == ids(town, _LIST_BY_PLACE, values(bbox))
    assert by_age == sorted(by_age, reverse=True)


@pytest.mark.parametrize("bbox", [EVERYWHERE, CORNER], ids=["everywhere", "corner"])
def test_pages_hold_each_finding_of_the_rectangle_once(api: httpx.Client, town: Town, bbox: str) -> None:
    assert pages(api, bbox) == ids(town, _LIST_BY_PLACE, values(bbox) | {"limit": 10_000})


def test_neither_way_reads_the_whole_table(town: Town) -> None:
    crowd, few = plan_of(town, _LIST_BY_AGE, values(EVERYWHERE)), plan_of(town, _LIST_BY_PLACE, values(CORNER))

    assert re.search("Index (Only )?Scan Backward using findings_(newest_idx|pkey)", crowd), crowd
    assert "findings_place_idx" in few, few
    assert "Seq Scan on findings f_1" not in crowd + few  # as the page, within, is called


@pytest.mark.parametrize(
    ("there", "wanted", "expected"),
    [(0, 500, False), (1_000, 500, False), (9_000, 500, False), (9_200, 500, True), (1_000_000, 2000, True)],
    ids=["none", "few", "as dear", "crowd", "all"],
)
def test_crowd_is_where_going_through_all_is_cheaper(there: int, wanted: int, expected: bool) -> None:  # noqa: FBT001
    assert is_crowded(there=there, everywhere=1_000_000, wanted=wanted) is expected


def test_what_nobody_has_counted_yet_is_found_all_the_same(api: httpx.Client, town: Town) -> None:
    town.change("TRUNCATE map_cells")

    assert len(pages(api, CORNER)) == 16
