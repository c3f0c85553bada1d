"""Cases: the list, and one with all that belongs to it."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field, TypeAdapter, field_validator

from cloud.api.actors import ActorDep, ScopeDep, needs
from cloud.api.deps import BoxQuestion, DatabaseDep, Record, ResourcesDep, fetch_all
from cloud.cases.model import CaseState
from cloud.cases.reading import read_case
from cloud.cases.views import CASE_COLUMNS, CaseDetail, CasePage, case_item_of
from cloud.findings.model import Severity
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_CASE, SCOPE_PLACE
from wire.units import ClassCode

router = APIRouter(tags=["cases"], dependencies=[needs(Permission.SEE_CASES)])

_FILTER: Final = (
    "WHERE"
    + SCOPE_CASE
    + "AND"
    + SCOPE_PLACE
    + """
    AND (%(states)s::text[] IS NULL OR c.state = ANY(%(states)s))
    AND (%(classes)s::text[] IS NULL OR c.class_code = ANY(%(classes)s))
    AND (%(severities)s::text[] IS NULL OR c.severity = ANY(%(severities)s))
    AND (%(unit)s::text IS NULL OR c.unit = %(unit)s)
    AND (%(crew)s::text IS NULL OR c.crew = %(crew)s)
    AND (%(finding)s::uuid IS NULL OR c.finding_id = %(finding)s)
    AND (%(is_overdue)s::boolean IS NULL OR (c.overdue_at IS NOT NULL) = %(is_overdue)s)
    AND (%(needs_person)s::boolean IS NULL OR c.needs_person = %(needs_person)s)
    AND (%(asks_suspension)s::boolean IS NULL OR (c.suspension_asked_at IS NOT NULL) = %(asks_suspension)s)
    AND (%(since)s::timestamptz IS NULL OR c.opened_at >= %(since)s)
    AND (%(number)s::text IS NULL OR c.number ILIKE '%%' || %(number)s || '%%')
    AND (%(min_lon)s::float8 IS NULL
        OR point(f.lon, f.lat) <@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s)))
"""
)
_NEWEST: Final = (
    CASE_COLUMNS
    + _FILTER
    + """
    AND (%(cursor_id)s::uuid IS NULL OR c.id < %(cursor_id)s)
ORDER BY c.id DESC LIMIT %(limit)s
"""
)
_DUE: Final = (
    CASE_COLUMNS
    + _FILTER
    + """
    AND (%(cursor_id)s::uuid IS NULL
        OR (coalesce(c.due_at, 'infinity'), c.id) > (coalesce(%(cursor_at)s::timestamptz, 'infinity'), %(cursor_id)s))
ORDER BY coalesce(c.due_at, 'infinity'), c.id LIMIT %(limit)s
"""
)
_CURSOR: Final = TypeAdapter[tuple[AwareDatetime | None, UUID]](tuple[AwareDatetime | None, UUID])
_NEVER: Final = "never"


class CaseQuestion(BoxQuestion):
    """Which cases, in which order: newest first, or those that are due first."""

    class_code: Annotated[tuple[ClassCode, ...], Field(alias="class", max_length=50)] = ()
    state: Annotated[tuple[CaseState, ...], Field(max_length=20)] = ()
    severity: Annotated[tuple[Severity, ...], Field(max_length=3)] = ()
    unit: Annotated[str, Field(max_length=32)] | None = None
    crew: Annotated[str, Field(max_length=32)] | None = None
    finding: UUID | None = None
    overdue: bool | None = None
    needs_person: bool | None = None
    asks_suspension: bool | None = None
    since: AwareDatetime | None = None
    number: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,80}$")] | None = None
    sort: Literal["newest", "due"] = "newest"
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[str, Field(max_length=80)] | None = None

    @field_validator("cursor")
    @classmethod
    def _readable(cls, cursor: str | None) -> str | None:
        if cursor is not None:
            read_cursor(cursor)
        return cursor

    def values(self) -> Record:
        """Values of the statement; one row more than asked tells whether there is a next page."""
        cursor_at, cursor_id = read_cursor(self.cursor) if self.cursor else (None, None)
        return self.box_values() | {
            "states": list(self.state) or None,
            "classes": list(self.class_code) or None,
            "severities": list(self.severity) or None,
            "unit": self.unit,
            "crew": self.crew,
            "finding": self.finding,
            "is_overdue": self.overdue,
            "needs_person": self.needs_person,
            "asks_suspension": self.asks_suspension,
            "since": self.since,
            "number": self.number,
            "cursor_at": cursor_at,
            "cursor_id": cursor_id,
            "limit": self.limit + 1,
        }


def read_cursor(text: str) -> tuple[datetime | None, UUID]:
    """Read `<due time or never>~<id>`.

    Raises:
        ValueError: it is none of ours.
    """
    at, _, case_id = text.partition("~")
    return _CURSOR.validate_python((None if at == _NEVER else at, case_id))


def _cursor_of(record: Record) -> str:
    due_at: datetime | None = record["due_at"]
    return f"{due_at.isoformat() if due_at else _NEVER}~{record['id']}"


@router.get("/cases")
async def list_cases(
    question: Annotated[CaseQuestion, Query()], connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep
) -> CasePage:
    """List cases, newest first or due first."""
    statement = _DUE if question.sort == "due" else _NEWEST
    records = await fetch_all(connection, statement, question.values() | scope.values())
    shown = records[: question.limit]
    items = [case_item_of(record, catalogue=held.catalogue) for record in shown]
    return CasePage(items=items, next=_cursor_of(shown[-1]) if len(records) > question.limit else None)


@router.get("/cases/{case_id}")
def get_case(case_id: UUID, held: ResourcesDep, actor: ActorDep) -> CaseDetail:
    """Get one case with its history, photos, proof of repair, and what the asker may do with it now."""
    with held.thread_pool.connection() as connection:
        return read_case(connection, case_id, actor=actor, catalogue=held.catalogue, handling=held.handling)
