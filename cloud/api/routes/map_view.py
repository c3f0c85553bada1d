"""What a map shows of findings: each one where there are few, counts by H3 cell where there are many."""

import json
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from cloud.api.deps import Box, BoxText, Database, DatabaseDep, Question, Record, parse_bbox
from cloud.findings.cells import COARSEST, cells_over, resolution_for, ring_of
from cloud.findings.model import FindingState, Severity
from wire.units import ClassCode

router = APIRouter(tags=["map"])

MAX_FINDINGS: Final = 1500
SINGLE_FROM_ZOOM: Final = 11.0  # from farther away even a few findings lie upon each other
ONLY_SINGLE_FROM_ZOOM: Final = 16.5  # the finest cells are as large as the map

_SHOWN: Final = tuple(state for state in FindingState if state is not FindingState.REJECTED)
_SEVERITIES: Final = tuple(Severity)

_FINDINGS: Final = """
SELECT id, lon, lat, class_code, state, severity, existence FROM findings
WHERE merged_into IS NULL AND state = ANY(%(states)s)
    AND (%(classes)s::text[] IS NULL OR class_code = ANY(%(classes)s))
    AND point(lon, lat) <@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s))
LIMIT %(limit)s
"""
_COUNTS: Final = """
SELECT cell, sum(findings)::bigint, max(array_position(%(severities)s, severity)), sum(open_cases)::bigint
FROM map_cells
WHERE state = ANY(%(states)s) AND (%(classes)s::text[] IS NULL OR class_code = ANY(%(classes)s))
"""
_CELLS: Final = _COUNTS + "AND cell = ANY(%(cells)s) GROUP BY cell"
_COARSEST: Final = _COUNTS + "AND parent IS NULL GROUP BY cell"


class MapQuestion(Question):
    """Which part of the map, how large (web map zoom, tiles of 512 pixels), and which findings."""

    bbox: BoxText
    zoom: Annotated[float, Field(ge=0, le=24)]
    class_code: Annotated[tuple[ClassCode, ...], Field(alias="class", max_length=50)] = ()
    state: Annotated[tuple[FindingState, ...], Field(max_length=10)] = ()

    def values(self) -> Record:
        """Values of the filter."""
        return {"states": list(self.state or _SHOWN), "classes": list(self.class_code) or None}


class MapFinding(BaseModel):
    """One finding, with what is drawn of it."""

    id: UUID
    lon: float
    lat: float
    class_code: str
    state: FindingState
    severity: Severity
    existence: float


class MapCell(BaseModel):
    """The findings within one H3 cell."""

    cell: str
    ring: list[tuple[float, float]]
    """Closed outline, lon before lat."""
    findings: int
    worst_severity: Severity
    open_cases: int


class MapFindings(BaseModel):
    """Few enough to show each; `is_complete` is false when there are more than can be sent."""

    kind: Literal["findings"]
    findings: list[MapFinding]
    is_complete: bool


class MapCells(BaseModel):
    """Too many to show each."""

    kind: Literal["cells"]
    resolution: int
    cells: list[MapCell]


MapView = Annotated[MapFindings | MapCells, Field(discriminator="kind")]


@router.get("/map", response_model=MapView)
async def get_map(question: Annotated[MapQuestion, Query()], connection: DatabaseDep) -> Response:
    """Get what the map shows of a rectangle; cells are as new as the worker's last count, well under a second."""
    box = parse_bbox(question.bbox)
    view: Record | None = None
    if question.zoom >= SINGLE_FROM_ZOOM:
        view = await _findings(connection, question, box)
    if view is None:
        view = await _cells(connection, question, box)
    # Thousands of rows of our own making: checking each against the model would take longer than to fetch them.
    return Response(json.dumps(view, separators=(",", ":"), ensure_ascii=False), media_type="application/json")


async def _findings(connection: Database, question: MapQuestion, box: Box) -> Record | None:
    """Each finding; none when there are too many and cells tell more."""
    values = question.values() | _box_values(box) | {"limit": MAX_FINDINGS + 1}
    rows = await (await connection.execute(_FINDINGS, values)).fetchall()
    is_complete = len(rows) <= MAX_FINDINGS
    if not is_complete and question.zoom < ONLY_SINGLE_FROM_ZOOM:
        return None
    names = tuple(MapFinding.model_fields)
    findings = [dict(zip(names, (str(row[0]), *row[1:]), strict=True)) for row in rows[:MAX_FINDINGS]]
    return {"kind": "findings", "findings": findings, "is_complete": is_complete}


async def _cells(connection: Database, question: MapQuestion, box: Box) -> Record:
    place = _box_values(box)
    resolution = resolution_for(zoom=question.zoom, **place)
    values: Record = question.values() | {"severities": list(_SEVERITIES)}
    if resolution == COARSEST:
        rows = await connection.execute(_COARSEST, values)
    else:
        rows = await connection.execute(_CELLS, values | {"cells": cells_over(resolution, **place)})
    return {"kind": "cells", "resolution": resolution, "cells": [_cell(row) for row in await rows.fetchall()]}


def _cell(row: tuple[Any, ...]) -> Record:
    cell, findings, worst, open_cases = row
    return {
        "cell": cell,
        "ring": ring_of(cell),
        "findings": findings,
        "worst_severity": _SEVERITIES[worst - 1],
        "open_cases": open_cases,
    }


def _box_values(box: Box) -> dict[str, float]:
    return {"min_lon": box.min_lon, "min_lat": box.min_lat, "max_lon": box.max_lon, "max_lat": box.max_lat}
