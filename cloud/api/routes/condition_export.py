"""Road condition to take along: CSV, GeoJSON, and the monthly report for print."""

import csv
import io
import json
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import AfterValidator, Field

from cloud.api.actors import needs
from cloud.api.deps import (
    BoxQuestion,
    Database,
    DatabaseDep,
    Question,
    Record,
    Resources,
    ResourcesDep,
    fetch_all,
    fetch_one,
)
from cloud.condition.monthly import Line, Month, days_of, sum_up
from cloud.condition.report import STYLE_HASH, Language, render
from cloud.condition.rules import ConditionRules
from cloud.condition.views import COLUMNS, PRESENT, feature_of, item_values
from cloud.people.permissions import Permission

router = APIRouter(tags=["condition"], dependencies=[needs(Permission.SEE)])

PAGE: Final = 2_000
CSV_COLUMNS: Final = (
    "id", "name", "kind", "length_m", "lon", "lat", "pci_estimate", "pci_low", "pci_high", "grade", "surveyed_share",
    "looks", "findings", "last_looked_at", "is_stale",
)  # fmt: skip

_PAGE: Final = COLUMNS + PRESENT + "AND s.id > %(after)s ORDER BY s.id LIMIT %(limit)s"
_LINES: Final = """
SELECT h.segment_id, h.day, r.name, r.kind, s.length_m, h.pci_estimate AS pci, h.pci_low AS low, h.pci_high AS high,
    h.surveyed_share, h.findings, (h.last_looked_at AT TIME ZONE %(zone)s)::date AS last_looked_on,
    coalesce((h.last_looked_at AT TIME ZONE %(zone)s)::date = h.day, false) AS is_looked_at
FROM (
    SELECT * FROM segment_history WHERE day BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT * FROM (SELECT DISTINCT ON (segment_id) * FROM segment_history WHERE day < %(first)s
        ORDER BY segment_id, day DESC) earlier
) h JOIN segments s ON s.id = h.segment_id JOIN roads r ON r.id = s.road_id WHERE s.retired_at IS NULL
"""
_NETWORK_KM: Final = """
SELECT coalesce(sum(length_m), 0) / 1000 AS network_km FROM segments WHERE retired_at IS NULL
"""
_FOUND: Final = """
SELECT class_code, count(*) AS count FROM findings WHERE state IN ('open', 'gone') AND merged_into IS NULL
    AND (first_seen_at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
GROUP BY class_code ORDER BY count DESC, class_code
"""


def _first_day(text: str) -> str:
    date.fromisoformat(f"{text}-01")
    return text


class ReportQuestion(Question):
    """Which month, in which language."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", examples=["2026-11"]), AfterValidator(_first_day)]
    lang: Language = "zh"


@router.get("/condition/export.csv", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}}})
async def export_csv(question: Annotated[BoxQuestion, Query()], held: ResourcesDep) -> StreamingResponse:
    """Export segments with their condition as CSV."""
    return _download(_csv(held, question.box_values()), media_type="text/csv; charset=utf-8", name="condition.csv")


@router.get(
    "/condition/export.geojson",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/geo+json": {}}}},
)
async def export_geojson(question: Annotated[BoxQuestion, Query()], held: ResourcesDep) -> StreamingResponse:
    """Export segments with their condition as GeoJSON."""
    return _download(_geojson(held, question.box_values()), media_type="application/geo+json", name="condition.geojson")


@router.get("/condition/report", response_class=HTMLResponse)
async def get_condition_report(
    question: Annotated[ReportQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> HTMLResponse:
    """Get the report of a month, made for print."""
    first_day = date.fromisoformat(f"{question.month}-01")
    month = await _month(connection, first_day, rules=held.condition)
    names = {code: getattr(entry.name, question.lang) for code, entry in held.catalogue.classes.items()}
    page = render(month, city=held.city, language=question.lang, class_names=names)
    policy = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; frame-ancestors 'self'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


async def _month(connection: Database, first_day: date, *, rules: ConditionRules) -> Month:
    last_day = min(days_of(first_day)[-1], max(first_day, rules.local(datetime.now(UTC)).date()))
    values = {"first": first_day, "last": last_day, "zone": rules.timezone}
    lines = await fetch_all(connection, _LINES, values)
    network = await fetch_one(connection, _NETWORK_KM) or {"network_km": 0.0}
    found = await fetch_all(connection, _FOUND, values)
    return sum_up(
        (Line(**line) for line in lines),
        first_day=first_day,
        last_day=last_day,
        network_km=network["network_km"],
        found=[(record["class_code"], record["count"]) for record in found],
    )


async def _csv(held: Resources, box: Record) -> AsyncGenerator[str]:
    yield "\ufeff" + ",".join(CSV_COLUMNS) + "\r\n"  # the mark lets spreadsheets read Chinese names
    at = datetime.now(UTC)
    async for records in _pages(held, box):
        text = io.StringIO()
        writer = csv.writer(text)
        for record in records:
            values = item_values(record, rules=held.condition, at=at)
            writer.writerow([_cell(values[name]) for name in CSV_COLUMNS])
        yield text.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - a value of any column
    if isinstance(value, float):
        return round(value, 7)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    # A spreadsheet takes a name that begins like this for a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


async def _geojson(held: Resources, box: Record) -> AsyncGenerator[str]:
    yield '{"type": "FeatureCollection", "features": [\n'
    at, separator = datetime.now(UTC), ""
    async for records in _pages(held, box):
        features = (feature_of(record, rules=held.condition, at=at).model_dump(mode="json") for record in records)
        yield separator + ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
        separator = ",\n"
    yield "\n]}\n"


async def _pages(held: Resources, box: Record) -> AsyncGenerator[list[Record]]:
    """All segments in the order of their ids, a page at a time; no connection is held in between."""
    after = ""
    while True:
        async with held.pool.connection() as connection:
            records = await fetch_all(connection, _PAGE, box | {"after": after, "limit": PAGE})
        if not records:
            return
        yield records
        after = records[-1]["id"]


def _download(content: AsyncGenerator[str], *, media_type: str, name: str) -> StreamingResponse:
    return StreamingResponse(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
