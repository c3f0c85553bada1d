"""What a map shows of findings: each one where there are few, counts by H3 cell where there are many."""

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from cloud.api.actors import ScopeDep, needs
from cloud.api.deps import Box, BoxText, Database, DatabaseDep, Question, Record, parse_bbox
from cloud.findings.cells import COARSEST, cells_over, resolution_for, ring_of
from cloud.findings.map_cells import ALL_CLASSES
from cloud.findings.model import SHOWN, FindingState, Severity
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE, Scope
from wire.units import ClassCode

router = APIRouter(tags=["map"], dependencies=[needs(Permission.SEE)])

MAX_FINDINGS: Final = 1000
SINGLE_FROM_ZOOM: Final = 11.0  # from farther away even a few findings lie upon each other
ONLY_SINGLE_FROM_ZOOM: Final = 16.5  # the finest cells are as large as the map

_FINDINGS: Final = (
    """
SELECT id, lon, lat, class_code, state, severity, existence FROM findings f
WHERE merged_into IS NULL AND state = ANY(%(states)s)
    AND (%(classes)s::text[] IS NULL OR class_code = ANY(%(classes)s))
    AND point(lon, lat) <@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s)) AND
"""
    + SCOPE_PLACE
    + "LIMIT %(limit)s"
)
_COUNTS: Final = """
SELECT cell, sum(light), sum(medium), sum(heavy), sum(open_cases)
FROM map_cells
WHERE state = ANY(%(states)s) AND class_code = ANY(%(counted)s)
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
        return {
            "states": list(self.state or SHOWN),
            "classes": list(self.class_code) or None,
            "counted": list(self.class_code) or [ALL_CLASSES],
        }


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
async def get_map(question: Annotated[MapQuestion, Query()], connection: DatabaseDep, scope: ScopeDep) -> Response:
    """Get what the map shows of a rectangle; cells are as new as the worker's last count, well under a second."""
    box = parse_bbox(question.bbox)
    if question.zoom >= ONLY_SINGLE_FROM_ZOOM:
        return _answer(await _findings(connection, question, box, scope))
    resolution, counts = await _counts(connection, question, box)
    if question.zoom >= SINGLE_FROM_ZOOM and sum(count.findings for count in counts) <= MAX_FINDINGS:
        return _answer(await _findings(connection, question, box, scope))
    cells = ",".join(count.json for count in counts)
    return _answer(f'{{"kind":"cells","resolution":{resolution},"cells":[{cells}]}}')


def _answer(text: str) -> Response:
    """Thousands of rows of our own making: to check each against the model would take longer than to fetch them."""
    return Response(text, media_type="application/json")


async def _findings(connection: Database, question: MapQuestion, box: Box, scope: Scope) -> str:
    values = question.values() | asdict(box) | scope.values() | {"limit": MAX_FINDINGS + 1}
    rows = await (await connection.execute(_FINDINGS, values)).fetchall()
    names = tuple(MapFinding.model_fields)
    findings = [dict(zip(names, (str(row[0]), *row[1:]), strict=True)) for row in rows[:MAX_FINDINGS]]
    view = {"kind": "findings", "findings": findings, "is_complete": len(rows) <= MAX_FINDINGS}
    return json.dumps(view, separators=(",", ":"))


class _Count(NamedTuple):
    cell: str
    light: int
    medium: int
    heavy: int
    open_cases: int

    @property
    def findings(self) -> int:
        return self.light + self.medium + self.heavy

    @property
    def json(self) -> str:
        worst = Severity.HEAVY if self.heavy else Severity.MEDIUM if self.medium else Severity.LIGHT
        return (
            f'{{{_place_json(self.cell)},"findings":{self.findings},"worst_severity":"{worst}",'
            f'"open_cases":{self.open_cases}}}'
        )


@lru_cache(maxsize=100_000)
def _place_json(cell: str) -> str:
    """Name and ring of a cell, which are the longest part of an answer and never change."""
    corners = ",".join([f"[{lon},{lat}]" for lon, lat in ring_of(cell)])
    return f'"cell":"{cell}","ring":[{corners}]'


async def _counts(connection: Database, question: MapQuestion, box: Box) -> tuple[int, list[_Count]]:
    """The resolution, and its cells where anything is."""
    place = asdict(box)
    resolution = resolution_for(zoom=question.zoom, **place)
    if resolution == COARSEST:
        rows = await connection.execute(_COARSEST, question.values())
    else:
        rows = await connection.execute(_CELLS, question.values() | {"cells": cells_over(resolution, **place)})
    return resolution, [_Count(*row) for row in await rows.fetchall()]
