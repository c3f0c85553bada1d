"""A case as viewers get it."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, JsonValue

from cloud.cases.model import Action, CaseState
from cloud.findings.catalogue import Catalogue, LocalName
from cloud.findings.model import PassKind, Severity
from cloud.findings.views import PassPicture, Words


class CaseItem(BaseModel):
    """One line of the list of cases; `version` goes with every action and is refused when it is stale."""

    id: UUID
    number: str
    code: str | None
    class_code: str
    class_name: LocalName
    severity: Severity
    state: CaseState
    version: int
    opened_at: datetime
    due_at: datetime | None
    unit: LocalName | None
    unit_key: str | None
    crew: str | None
    finding_id: UUID
    lon: float
    lat: float
    existence: float
    passes_seen: int
    picture: str | None
    filed_at: datetime | None
    dispatched_at: datetime | None
    accepted_at: datetime | None
    arrived_at: datetime | None
    arrived_distance_m: float | None
    done_at: datetime | None
    verified_at: datetime | None
    closed_at: datetime | None
    suspension_asked_at: datetime | None
    suspended_until: datetime | None
    overdue_at: datetime | None
    escalation: int
    needs_person: bool
    is_false_alarm: bool
    reopened: int
    merged_into: UUID | None


class CasePage(BaseModel):
    """A page of cases; `next` is the cursor of the next page."""

    items: list[CaseItem]
    next: str | None


class CaseHistoryLine(BaseModel):
    """Who did what, when and why; `details` depend on the action."""

    serial: int
    at: datetime
    actor: str
    action: Action
    reason: Words
    from_state: CaseState | None
    to_state: CaseState
    details: dict[str, JsonValue]


class CasePhoto(BaseModel):
    """A photo of the crew."""

    sha256: str
    kind: Literal["before", "after"]
    at: datetime
    actor: str
    width_px: int
    height_px: int


class MaterialView(BaseModel):
    """What went into a repair."""

    name: str
    amount: float
    unit: str


class PassView(BaseModel):
    """What one bus saw at the place, or that it saw nothing."""

    at: datetime
    device: str
    kind: PassKind
    looked_share: float
    confidence: float | None
    picture: PassPicture | None
    box_xyxy_px: tuple[float, float, float, float] | None
    frame_width_px: int | None
    frame_height_px: int | None


class RepairView(BaseModel):
    """The proof of a repair: before and after, by crew and by bus, side by side."""

    done_at: datetime
    materials: list[MaterialView]
    length_m: float | None
    width_m: float | None
    area_m2: float | None
    seen_before: PassView | None
    """The last pass that saw the damage before the repair."""
    seen_after: PassView | None
    """The last pass that saw it after the repair: why the case was opened again."""
    passes_after: list[PassView]
    still_there: float
    """Probability that the damage is still there, by the passes after the repair."""


class CaseDetail(CaseItem):
    """A case with all that belongs to it; `actions` are those that the asker may take now."""

    actions: list[Action]
    history: list[CaseHistoryLine]
    photos: list[CasePhoto]
    repair: RepairView | None


CASE_COLUMNS: Final = """
SELECT c.id, c.number, c.class_code, c.severity, c.state, c.version, c.opened_at, c.due_at, c.unit AS unit_key, c.crew,
    c.finding_id, f.lon, f.lat, f.existence, f.passes_seen, f.picture_sha256 AS picture, c.filed_at, c.dispatched_at,
    c.accepted_at, c.arrived_at, c.arrived_distance_m, c.done_at, c.verified_at, c.closed_at, c.suspension_asked_at,
    c.suspended_until, c.overdue_at, c.escalation, c.needs_person, c.is_false_alarm, c.reopened, c.merged_into,
    c.repair
FROM cases c JOIN findings f ON f.id = c.finding_id
"""
CASE_BY_ID: Final = CASE_COLUMNS + "WHERE c.id = %(id)s"
CASES_BY_ID: Final = CASE_COLUMNS + "WHERE c.id = ANY(%(ids)s) ORDER BY c.id"


def case_item_of(record: dict[str, Any], *, catalogue: Catalogue) -> CaseItem:
    """Shape a row of CASE_COLUMNS."""
    return CaseItem.model_validate(item_values(record, catalogue))


def item_values(record: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Values of a row of CASE_COLUMNS with the names that people read."""
    unit = catalogue.units.get(record["unit_key"]) if record["unit_key"] is not None else None
    entry = catalogue.classes.get(record["class_code"])
    return record | {
        "class_name": catalogue.name_of(record["class_code"]),
        "code": entry.code if entry else None,
        "unit": unit.name if unit else None,
    }
