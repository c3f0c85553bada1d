"""Cases: the list, and one with its history."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from cloud.api.deps import DatabaseDep, Question, Record, ResourcesDep, fetch_all, fetch_one
from cloud.api.problems import not_found
from cloud.cases.model import CaseState
from cloud.cases.views import (
    CASE_BY_ID,
    CASE_COLUMNS,
    HISTORY,
    CaseDetail,
    CasePage,
    case_detail_of,
    case_item_of,
)
from wire.units import ClassCode

router = APIRouter(tags=["cases"])

_LIST: Final = (
    CASE_COLUMNS
    + """
WHERE (%(states)s::text[] IS NULL OR c.state = ANY(%(states)s))
    AND (%(classes)s::text[] IS NULL OR c.class_code = ANY(%(classes)s))
    AND (%(cursor)s::uuid IS NULL OR c.id < %(cursor)s)
ORDER BY c.id DESC LIMIT %(limit)s
"""
)


class CaseQuestion(Question):
    """Which cases; newest first."""

    class_code: Annotated[tuple[ClassCode, ...], Field(alias="class", max_length=50)] = ()
    state: Annotated[tuple[CaseState, ...], Field(max_length=20)] = ()
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: UUID | None = None

    def values(self) -> Record:
        """Values of the statement; one row more than asked tells whether there is a next page."""
        return {
            "states": list(self.state) or None,
            "classes": list(self.class_code) or None,
            "cursor": self.cursor,
            "limit": self.limit + 1,
        }


@router.get("/cases")
async def list_cases(
    question: Annotated[CaseQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> CasePage:
    """List cases, newest first."""
    records = await fetch_all(connection, _LIST, question.values())
    items = [case_item_of(record, catalogue=held.catalogue) for record in records[: question.limit]]
    return CasePage(items=items, next=str(items[-1].id) if len(records) > question.limit else None)


@router.get("/cases/{case_id}")
async def get_case(case_id: UUID, connection: DatabaseDep, held: ResourcesDep) -> CaseDetail:
    """Get one case with its history, in order of time."""
    record = await fetch_one(connection, CASE_BY_ID, {"id": case_id})
    if record is None:
        raise not_found(f"case {case_id}")
    history = await fetch_all(connection, HISTORY, {"id": case_id})
    return case_detail_of(record, history, catalogue=held.catalogue)
