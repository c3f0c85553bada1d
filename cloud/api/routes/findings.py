"""Findings: the list for the map, and one with the reasons."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Final, LiteralString
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime, Field

from cloud.api.actors import ScopeDep, needs
from cloud.api.deps import BoxQuestion, Database, DatabaseDep, Record, ResourcesDep, fetch_all, fetch_one, parse_bbox
from cloud.api.freshness import entity_tag, matches
from cloud.api.problems import not_found
from cloud.findings.cells import COARSEST, cells_over, resolution_for
from cloud.findings.map_cells import ALL_CLASSES
from cloud.findings.model import SHOWN, FindingState
from cloud.findings.views import (
    DECISIONS,
    FEATURE_COLUMNS,
    FEATURES_BY_ID,
    PASSES,
    FindingCollection,
    FindingDetail,
    detail_of,
    feature_of,
)
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE
from wire.units import ClassCode

router = APIRouter(tags=["findings"], dependencies=[needs(Permission.SEE)])

NEAREST: Final = 24.0  # zoom
BY_PLACE_COSTS: Final = 6  # times as much for a finding, which lies anywhere on the disk; by age it is in the index
CELLS_COUNTED: Final = 120  # tell well enough how many findings lie in a rectangle
# The page first, then the cases of its findings alone.
_PAGE: Final = (
    """
SELECT f.id FROM findings f
WHERE f.state = ANY(%(states)s) AND
"""
    + SCOPE_PLACE
    + """ AND f.merged_into IS NULL
    AND (%(classes)s::text[] IS NULL OR f.class_code = ANY(%(classes)s))
    AND (%(since)s::timestamptz IS NULL OR f.last_seen_at >= %(since)s)
    AND (%(cursor)s::uuid IS NULL OR f.id < %(cursor)s)
"""
)
_ORDER: Final = " ORDER BY f.id DESC LIMIT %(limit)s"
_BY_AGE: Final = (
    " AND (%(min_lon)s::float8 IS NULL OR"
    " f.lon BETWEEN %(min_lon)s AND %(max_lon)s AND f.lat BETWEEN %(min_lat)s AND %(max_lat)s)"
)
_BY_PLACE: Final = " AND point(f.lon, f.lat) <@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s))"
_LIST_BY_AGE: Final = FEATURE_COLUMNS + "JOIN (" + _PAGE + _BY_AGE + _ORDER + ") p ON p.id = f.id ORDER BY f.id DESC"
_LIST_BY_PLACE: Final = (
    FEATURE_COLUMNS + "JOIN (" + _PAGE + _BY_PLACE + _ORDER + ") p ON p.id = f.id ORDER BY f.id DESC"
)
_HOW_MANY: Final = """
SELECT coalesce(sum(light + medium + heavy) FILTER (WHERE parent IS NULL AND class_code = ''), 0),
    coalesce(sum(light + medium + heavy) FILTER (
        WHERE cell = ANY(%(cells)s) AND state = ANY(%(states)s) AND class_code = ANY(%(counted)s)), 0)
FROM map_cells WHERE parent IS NULL OR cell = ANY(%(cells)s)
"""


class FindingQuestion(BoxQuestion):
    """Which findings; newest first."""

    class_code: Annotated[tuple[ClassCode, ...], Field(alias="class", max_length=50)] = ()
    state: Annotated[tuple[FindingState, ...], Field(max_length=10)] = ()
    since: Annotated[AwareDatetime | None, Field(description="seen at or after this time")] = None
    limit: Annotated[int, Field(ge=1, le=2000)] = 500
    cursor: UUID | None = None

    def values(self) -> Record:
        """Values of the statement; one row more than asked tells whether there is a next page."""
        return self.box_values() | {
            "states": list(self.state or SHOWN),
            "classes": list(self.class_code) or None,
            "counted": list(self.class_code) or [ALL_CLASSES],
            "since": self.since,
            "cursor": self.cursor,
            "limit": self.limit + 1,
        }


@router.get("/findings", response_model=FindingCollection, responses={304: {"description": "nothing has changed"}})
async def list_findings(
    question: Annotated[FindingQuestion, Query()],
    connection: DatabaseDep,
    held: ResourcesDep,
    scope: ScopeDep,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """List findings as GeoJSON, newest first; all but the rejected ones unless states are named."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    tag = await entity_tag(connection, held.catalogue, scope)
    headers = {"ETag": tag, "Cache-Control": "no-cache"} if tag else {}
    if matches(if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    statement = await _statement(connection, question)
    records = await fetch_all(connection, statement, question.values() | scope.values())
    features = [feature_of(record, catalogue=held.catalogue, scope=scope) for record in records[: question.limit]]
    following = str(features[-1].id) if len(records) > question.limit else None
    # A page of our own making: to check it once more against its model would take longer than to fetch it.
    page = FindingCollection(features=features, next=following).model_dump_json()
    return Response(page, media_type="application/json", headers=headers)


async def _statement(connection: Database, question: FindingQuestion) -> LiteralString:
    """The cheaper way: newest first until enough lie in the rectangle, or all that lie there, then the newest."""
    if question.bbox is None:
        return _LIST_BY_AGE
    place = asdict(parse_bbox(question.bbox))
    resolution = resolution_for(zoom=NEAREST, **place, most=CELLS_COUNTED)
    if resolution == COARSEST:  # a continent
        return _LIST_BY_AGE
    cells = cells_over(resolution, **place)
    row = await (await connection.execute(_HOW_MANY, question.values() | {"cells": cells})).fetchone()
    everywhere, there = row or (0, 0)
    return _LIST_BY_AGE if is_crowded(there=there, everywhere=everywhere, wanted=question.limit) else _LIST_BY_PLACE


def is_crowded(*, there: int, everywhere: int, wanted: int) -> bool:
    """Whether it is cheaper to go through all findings by age than to read those in a rectangle."""
    return there > 0 and everywhere * wanted / there < BY_PLACE_COSTS * there


@router.get("/findings/{finding_id}")
async def get_finding(finding_id: UUID, connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep) -> FindingDetail:
    """Get one finding with the passes that made it, in order of time."""
    record = await fetch_one(connection, FEATURES_BY_ID, {"ids": [finding_id]})
    if record is None or not scope.has_place(lon=record["lon"], lat=record["lat"]):
        raise not_found(f"finding {finding_id}")
    passes = await fetch_all(connection, PASSES, {"id": finding_id})
    decisions = await fetch_all(connection, DECISIONS, {"id": finding_id})
    return detail_of(record, passes[::-1], decisions, catalogue=held.catalogue, scope=scope)
