"""A case as viewers get it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from cloud.cases.model import Action, CaseState
from cloud.findings.catalogue import Catalogue, LocalName
from cloud.findings.model import Severity
from cloud.findings.views import class_name


class CaseItem(BaseModel):
    """One line of the list of cases."""

    id: UUID
    number: str
    class_code: str
    class_name: LocalName
    severity: Severity
    state: CaseState
    opened_at: datetime
    due_at: datetime | None
    unit: LocalName | None
    finding_id: UUID
    lon: float
    lat: float
    existence: float
    passes_seen: int
    picture: str | None


class CasePage(BaseModel):
    """A page of cases, newest first; `next` is the cursor of the next page."""

    items: list[CaseItem]
    next: str | None


class CaseHistoryLine(BaseModel):
    """Who did what, when and why."""

    at: datetime
    actor: str
    action: Action
    reason: LocalName
    from_state: CaseState | None
    to_state: CaseState


class CaseDetail(CaseItem):
    """A case with its history, in order of time."""

    history: list[CaseHistoryLine]


CASE_COLUMNS: Final = """
SELECT c.id, c.number, c.class_code, c.severity, c.state, c.opened_at, c.due_at, c.unit, c.finding_id,
    f.lon, f.lat, f.existence, f.passes_seen, f.picture_sha256 AS picture
FROM cases c JOIN findings f ON f.id = c.finding_id
"""
CASE_BY_ID: Final = CASE_COLUMNS + "WHERE c.id = %(id)s"
HISTORY: Final = """
SELECT at, actor, action, reason, from_state, to_state FROM case_history WHERE case_id = %(id)s ORDER BY serial
"""


def case_item_of(record: dict[str, Any], *, catalogue: Catalogue) -> CaseItem:
    """Shape a row of CASE_COLUMNS."""
    return CaseItem.model_validate(_item(record, catalogue))


def case_detail_of(record: dict[str, Any], history: list[dict[str, Any]], *, catalogue: Catalogue) -> CaseDetail:
    """Shape a row of CASE_COLUMNS and its rows of HISTORY."""
    return CaseDetail.model_validate(_item(record, catalogue) | {"history": history})


def _item(record: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    unit = catalogue.units.get(record["unit"]) if record["unit"] is not None else None
    return record | {
        "class_name": class_name(catalogue, record["class_code"]),
        "unit": unit.name if unit else None,
    }
