"""Reading and writing cases; only `actions` writes."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.cases.effects import Pause
from cloud.cases.model import CaseState
from cloud.cases.orders import CaseRow, Material, Repair
from cloud.db.value import fetch_value
from cloud.errors import CaseNotFoundError
from cloud.findings.model import Severity

_COUNT: Final = """
INSERT INTO case_numbers (city, year, last) VALUES (%s, %s, 1)
ON CONFLICT ON CONSTRAINT case_numbers_pkey DO UPDATE SET last = case_numbers.last + 1
RETURNING last
"""
_INSERT: Final = """
INSERT INTO cases (id, city, number, finding_id, class_code, severity, state, unit, opened_at, due_at)
VALUES (%(id)s, %(city)s, %(number)s, %(finding_id)s, %(class_code)s, %(severity)s, %(state)s, %(unit)s,
    %(opened_at)s, NULL)
"""
_LOCK: Final = """
SELECT c.id, c.city, c.number, c.finding_id, f.lon, f.lat, c.class_code, c.severity, c.state, c.version, c.unit,
    c.crew, c.opened_at, c.due_at, c.filed_at, c.dispatched_at, c.accepted_at, c.arrived_at, c.arrived_distance_m,
    c.done_at, c.verified_at, c.closed_at, c.suspension_asked_at, c.suspended_until, c.remaining_s, c.overdue_at,
    c.escalation, c.needs_person, c.is_false_alarm, c.reopened, c.merged_into, c.repair
FROM cases c JOIN findings f ON f.id = c.finding_id WHERE c.id = %s FOR UPDATE OF c
"""
_UPDATE: Final = """
UPDATE cases SET class_code = %(class_code)s, severity = %(severity)s, state = %(state)s, version = %(version)s,
    unit = %(unit)s, crew = %(crew)s, due_at = %(due_at)s, filed_at = %(filed_at)s,
    dispatched_at = %(dispatched_at)s, accepted_at = %(accepted_at)s, arrived_at = %(arrived_at)s,
    arrived_distance_m = %(arrived_distance_m)s, done_at = %(done_at)s, verified_at = %(verified_at)s,
    closed_at = %(closed_at)s, suspension_asked_at = %(suspension_asked_at)s, suspended_until = %(suspended_until)s,
    remaining_s = %(remaining_s)s, overdue_at = %(overdue_at)s, escalation = %(escalation)s,
    needs_person = %(needs_person)s, is_false_alarm = %(is_false_alarm)s, reopened = %(reopened)s,
    merged_into = %(merged_into)s, repair = %(repair)s
WHERE id = %(id)s
"""
_ATTACH: Final = """
INSERT INTO case_sightings (case_id, city, device, observation_id)
SELECT %s, city, device, observation_id FROM finding_passes
WHERE finding_id = %s AND kind = 'seen' AND observation_id IS NOT NULL
ON CONFLICT ON CONSTRAINT case_sightings_pkey DO NOTHING
"""
# A sighting of before the repair that comes after the case was closed tells nothing new. For a case that ended in
# another of the same thing that one speaks.
_NEWEST_OF_FINDINGS: Final = """
SELECT DISTINCT ON (f.id) f.id, c.id, c.state, c.is_false_alarm,
    (SELECT count(*) FROM finding_passes p WHERE p.finding_id = f.id AND p.kind = 'seen'
        AND CASE WHEN p.observation_id IS NULL THEN p.at > c.closed_at
            ELSE (c.state <> 'closed' OR p.at > coalesce(c.done_at, '-infinity')) AND NOT EXISTS (
                SELECT FROM case_sightings s WHERE s.case_id = c.id AND s.city = p.city AND s.device = p.device
                    AND s.observation_id = p.observation_id) END) AS unattached
FROM findings f
JOIN findings g ON g.id = f.id OR g.merged_into = f.id -- what became one with it brought its cases
JOIN cases c ON c.finding_id = g.id
WHERE f.id = ANY(%s) AND NOT EXISTS (
    SELECT FROM cases t JOIN findings h ON h.id = t.finding_id
    WHERE c.state = 'merged' AND t.id = c.merged_into AND f.id IN (h.id, h.merged_into))
ORDER BY f.id, is_ended(c.state), c.opened_at DESC, c.id DESC
"""
_PAUSES: Final = """
SELECT at, ended_at FROM (
    SELECT action, at, serial, lead(at) OVER (ORDER BY serial) AS ended_at FROM case_history
    WHERE case_id = %s AND action IN ('suspend', 'resume') AND at >= %s
) h WHERE action = 'suspend' AND ended_at IS NOT NULL ORDER BY serial
"""
_OPEN_BESIDE: Final = """
SELECT c.number FROM findings f
JOIN findings g ON g.id = coalesce(f.merged_into, f.id) OR g.merged_into = coalesce(f.merged_into, f.id)
JOIN cases c ON c.finding_id = g.id AND NOT is_ended(c.state) AND c.id <> %s
WHERE f.id = %s ORDER BY c.id LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """The row of a case that is opened."""

    id: UUID
    city: str
    number: str
    finding_id: UUID
    class_code: str
    severity: Severity
    state: CaseState
    unit: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOfFinding:
    """The newest case of a finding, and how many passes saw the finding that are not attached to it."""

    id: UUID
    state: CaseState
    unattached: int
    is_false_alarm: bool = False  # a person said so


def next_serial(connection: Connection[Any], *, city: str, year: int) -> int:
    """Take the next number; it is given back when the transaction fails, so that none is missing."""
    return fetch_value(connection, _COUNT, (city, year))


def insert_case(connection: Connection[Any], case: NewCase) -> None:
    """Write a new case."""
    connection.execute(_INSERT, {name: getattr(case, name) for name in NewCase.__slots__})


def lock_case(connection: Connection[Any], case_id: UUID) -> CaseRow:
    """Lock a case until the end of the transaction and read it.

    Raises:
        CaseNotFoundError: there is none.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_LOCK, (case_id,)).fetchone()
    if row is None:
        raise CaseNotFoundError(f"there is no case {case_id}")
    return _case_of(row)


def update_case(connection: Connection[Any], case: CaseRow) -> None:
    """Write a case that is locked."""
    values = {name: getattr(case, name) for name in CaseRow.__slots__}
    values["repair"] = Jsonb(asdict(case.repair)) if case.repair is not None else None
    connection.execute(_UPDATE, values)


def read_pauses(connection: Connection[Any], case_id: UUID, *, since: datetime) -> list[Pause]:
    """Suspensions of a case that have ended, by its history."""
    rows = connection.execute(_PAUSES, (case_id, since)).fetchall()
    return [Pause(from_at=from_at, to_at=to_at) for from_at, to_at in rows]


def open_case_beside(connection: Connection[Any], case: CaseRow) -> str | None:
    """Number of another case of the same thing that is still dealt with."""
    return fetch_value(connection, _OPEN_BESIDE, (case.id, case.finding_id))


def attach_sightings(connection: Connection[Any], case_id: UUID, *, finding_id: UUID) -> int:
    """Attach every pass that saw the finding; returns how many were new."""
    return connection.execute(_ATTACH, (case_id, finding_id)).rowcount


def newest_cases(connection: Connection[Any], finding_ids: list[UUID]) -> dict[UUID, CaseOfFinding]:
    """The newest case of each of these findings that has one."""
    rows = connection.execute(_NEWEST_OF_FINDINGS, (finding_ids,)).fetchall()
    return {
        finding_id: CaseOfFinding(
            id=case_id, state=CaseState(state), unattached=unattached, is_false_alarm=is_false_alarm
        )
        for finding_id, case_id, state, is_false_alarm, unattached in rows
    }


def _case_of(row: dict[str, Any]) -> CaseRow:
    values = dict(row)
    repair = values["repair"]
    if repair is not None:
        values["repair"] = Repair(**repair | {"materials": tuple(Material(**item) for item in repair["materials"])})
    values["state"], values["severity"] = CaseState(values["state"]), Severity(values["severity"])
    return CaseRow(**values)
