"""Findings: the list for the map, and one with the reasons."""

from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime, Field

from cloud.api.actors import ScopeDep, needs
from cloud.api.deps import BoxQuestion, DatabaseDep, Record, ResourcesDep, fetch_all, fetch_one
from cloud.api.freshness import entity_tag, matches
from cloud.api.problems import not_found
from cloud.findings.model import FindingState
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

_SHOWN: Final = tuple(state for state in FindingState if state is not FindingState.REJECTED)
_LIST: Final = (
    FEATURE_COLUMNS
    + """
WHERE f.state = ANY(%(states)s) AND
"""
    + SCOPE_PLACE
    + """ AND f.merged_into IS NULL
    AND (%(classes)s::text[] IS NULL OR f.class_code = ANY(%(classes)s))
    AND (%(since)s::timestamptz IS NULL OR f.last_seen_at >= %(since)s)
    AND (%(min_lon)s::float8 IS NULL OR point(f.lon, f.lat)
        <@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s)))
    AND (%(cursor)s::uuid IS NULL OR f.id < %(cursor)s)
ORDER BY f.id DESC LIMIT %(limit)s
"""
)


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
            "states": list(self.state or _SHOWN),
            "classes": list(self.class_code) or None,
            "since": self.since,
            "cursor": self.cursor,
            "limit": self.limit + 1,
        }


@router.get("/findings", response_model=FindingCollection, responses={304: {"description": "nothing has changed"}})
async def list_findings(  # noqa: PLR0917 - the framework passes by name
    question: Annotated[FindingQuestion, Query()],
    connection: DatabaseDep,
    held: ResourcesDep,
    scope: ScopeDep,
    response: Response,
    if_none_match: Annotated[str | None, Header()] = None,
) -> FindingCollection | Response:
    """List findings as GeoJSON, newest first; all but the rejected ones unless states are named."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    tag = await entity_tag(connection, held.catalogue, scope)
    headers = {"ETag": tag, "Cache-Control": "no-cache"} if tag else {}
    if matches(if_none_match, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    response.headers.update(headers)
    records = await fetch_all(connection, _LIST, question.values() | scope.values())
    features = [feature_of(record, catalogue=held.catalogue, scope=scope) for record in records[: question.limit]]
    following = str(features[-1].id) if len(records) > question.limit else None
    return FindingCollection(features=features, next=following)


@router.get("/findings/{finding_id}")
async def get_finding(finding_id: UUID, connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep) -> FindingDetail:
    """Get one finding with the passes that made it, in order of time."""
    record = await fetch_one(connection, FEATURES_BY_ID, {"ids": [finding_id]})
    if record is None or not scope.has_place(lon=record["lon"], lat=record["lat"]):
        raise not_found(f"finding {finding_id}")
    passes = await fetch_all(connection, PASSES, {"id": finding_id})
    decisions = await fetch_all(connection, DECISIONS, {"id": finding_id})
    return detail_of(record, passes[::-1], decisions, catalogue=held.catalogue, scope=scope)
