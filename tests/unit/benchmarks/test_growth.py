"""The page of growth is computed from what was measured, and says itself what breaks first."""

import json
from pathlib import Path

import pytest

from benchmarks.growth import MEASURED, VEHICLES, Vehicle, breaking, limits, page

PAGE = Path(__file__).parents[3] / "docs" / "growth.md"
EACH = Vehicle(messages_a_day=57_600 * 10, bytes_a_message=1000.0)  # 20 a second in the busiest minute


def figures(**changes: float) -> dict[str, dict[str, object]]:
    values = {
        "ingest_per_core_s": 20_000.0,
        "delivered_per_s": 40_000.0,
        "fused_per_core_s": 800.0,
        "copied_rows_s": 300_000.0,
        "plain_bytes_a_bus_day": 1e7,
        "packed_bytes_a_bus_day": 1e6,
        "rows_a_message": 3.0,
    } | changes
    return {name: {"what": name, "value": value, "from": "`a`", "day": "2026-11-29"} for name, value in values.items()}


def test_limits_are_in_the_order_in_which_they_are_reached() -> None:
    found = limits(EACH, figures())
    assert [(limit.part, round(limit.vehicles)) for limit in found] == [
        ("worker", 100),
        ("ingester", 1_000),
        ("stream", 2_000),
        ("disk", 4_444),
        ("database", 5_000),
    ]


@pytest.mark.parametrize(
    ("vehicles", "parts"), [(99, []), (100, []), (101, ["worker"]), (2_001, ["worker", "ingester", "stream"])]
)
def test_what_breaks_is_what_is_too_small(vehicles: int, parts: list[str]) -> None:
    assert [limit.part for limit in breaking(limits(EACH, figures()), vehicles)] == parts


def test_faster_worker_no_longer_breaks_first() -> None:
    assert limits(EACH, figures(fused_per_core_s=80_000.0))[0].part == "ingester"


def test_page_names_what_breaks_first_at_each_size() -> None:
    lines = [
        line for line in page(json.loads(MEASURED.read_text(encoding="utf-8"))).splitlines() if "vehicles.**" in line
    ]
    assert [line.partition(" vehicles")[0] for line in lines] == [f"- **{vehicles:,}" for vehicles in VEHICLES]


def test_page_in_the_repository_is_made_of_the_figures_in_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(json.loads(MEASURED.read_text(encoding="utf-8")))
