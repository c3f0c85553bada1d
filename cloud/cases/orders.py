"""What somebody says with an action, and the case that it changes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cloud.cases.model import Action, CaseState, Reason
from cloud.findings.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What went into a repair."""

    name: str
    amount: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a crew did."""

    materials: tuple[Material, ...] = ()
    length_m: float | None = None
    width_m: float | None = None
    area_m2: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where somebody says to be."""

    lon: float
    lat: float
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An action with what belongs to it; each action reads its own part."""

    action: Action
    reason: Reason
    said_at: datetime | None = None  # when it happened, for a phone that had no network
    unit: str | None = None
    crew: str | None = None
    class_code: str | None = None
    severity: Severity | None = None
    until: datetime | None = None
    into: UUID | None = None
    repair: Repair | None = None
    where: Whereabouts | None = None
    step: int = 0  # of the escalation
    photo_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A case as it lies in the database."""

    id: UUID
    city: str
    number: str
    finding_id: UUID
    lon: float
    lat: float
    class_code: str
    severity: Severity
    state: CaseState
    version: int
    unit: str | None
    crew: str | None
    opened_at: datetime
    due_at: datetime | None
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
    remaining_s: float | None
    overdue_at: datetime | None
    escalation: int
    needs_person: bool
    is_false_alarm: bool
    reopened: int
    merged_into: UUID | None
    repair: Repair | None
