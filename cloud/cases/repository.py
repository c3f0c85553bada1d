"""Reading and writing cases; only `actions` writes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.cases.model import FIRST_HASH, Action, CaseState, HistoryLine, Reason
from cloud.findings.model import Severity

_COUNT: Final = """
INSERT INTO case_numbers (city, year, last) VALUES (%s, %s, 1)
ON CONFLICT ON CONSTRAINT case_numbers_pkey DO UPDATE SET last = case_numbers.last + 1
RETURNING last
"""
_INSERT: Final = """
INSERT INTO cases (id, city, number, finding_id, class_code, severity, state, unit, opened_at, due_at)
VALUES (%(id)s, %(city)s, %(number)s, %(finding_id)s, %(class_code)s, %(severity)s, %(state)s, %(unit)s,
    %(opened_at)s, %(due_at)s)
"""
_LOCK: Final = "SELECT state FROM cases WHERE id = %s FOR UPDATE"
_SET_STATE: Final = "UPDATE cases SET state = %s WHERE id = %s"
_LAST_LINE: Final = "SELECT serial, hash FROM case_history WHERE case_id = %s ORDER BY serial DESC LIMIT 1"
_APPEND: Final = """
INSERT INTO case_history (case_id, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LINES: Final = """
SELECT case_id, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash
FROM case_history WHERE case_id = %s ORDER BY serial
"""
_ATTACH: Final = """
INSERT INTO case_sightings (case_id, city, device, observation_id)
SELECT %s, city, device, observation_id FROM finding_passes
WHERE finding_id = %s AND kind = 'seen'
ON CONFLICT ON CONSTRAINT case_sightings_pkey DO NOTHING
"""
_NEWEST_OF_FINDINGS: Final = """
SELECT DISTINCT ON (c.finding_id) c.finding_id, c.id, c.state,
    (SELECT count(*) FROM finding_passes p WHERE p.finding_id = c.finding_id AND p.kind = 'seen' AND NOT EXISTS (
        SELECT FROM case_sightings s WHERE s.case_id = c.id AND s.city = p.city AND s.device = p.device
            AND s.observation_id = p.observation_id)) AS unattached
FROM cases c WHERE c.finding_id = ANY(%s) ORDER BY c.finding_id, c.opened_at DESC, c.id DESC
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
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOfFinding:
    """The newest case of a finding, and how many passes saw the finding that are not attached to it."""

    id: UUID
    state: CaseState
    unattached: int


def next_serial(connection: Connection[Any], *, city: str, year: int) -> int:
    """Take the next number; it is given back when the transaction fails, so that none is missing."""
    row = connection.execute(_COUNT, (city, year)).fetchone()
    return int(row[0]) if row else 0


def insert_case(connection: Connection[Any], case: NewCase) -> None:
    """Write a new case."""
    connection.execute(_INSERT, {name: getattr(case, name) for name in NewCase.__slots__})


def lock_state(connection: Connection[Any], case_id: UUID) -> CaseState:
    """Lock a case until the end of the transaction and tell its state."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_LOCK, (case_id,)).fetchone()
    return CaseState((row or {})["state"])


def set_state(connection: Connection[Any], case_id: UUID, state: CaseState) -> None:
    """Write the state."""
    connection.execute(_SET_STATE, (state, case_id))


def append_history(
    connection: Connection[Any],
    case_id: UUID,
    *,
    at: datetime,
    actor: str,
    action: Action,
    reason: Reason,
    from_state: CaseState | None,
    to_state: CaseState,
) -> None:
    """Append a line to the chain of a case that is locked (or new)."""
    last = connection.execute(_LAST_LINE, (case_id,)).fetchone()
    serial, previous_hash = (int(last[0]) + 1, bytes(last[1])) if last else (1, FIRST_HASH)
    line = HistoryLine(
        case_id=str(case_id),
        serial=serial,
        at=at,
        actor=actor,
        action=action,
        reason=reason,
        from_state=from_state,
        to_state=to_state,
        previous_hash=previous_hash,
    )
    words = Jsonb({"zh": reason.zh, "en": reason.en})
    values = (case_id, serial, at, actor, action, words, from_state, to_state, previous_hash, line.hash)
    connection.execute(_APPEND, values)


def read_history(connection: Connection[Any], case_id: UUID) -> list[tuple[HistoryLine, bytes]]:
    """Lines of a case, each with the hash that was stored with it; what `first_broken_line` checks."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_line_of(row) for row in cursor.execute(_LINES, (case_id,)).fetchall()]


def attach_sightings(connection: Connection[Any], case_id: UUID, *, finding_id: UUID) -> int:
    """Attach every pass that saw the finding; returns how many were new."""
    return connection.execute(_ATTACH, (case_id, finding_id)).rowcount


def newest_cases(connection: Connection[Any], finding_ids: list[UUID]) -> dict[UUID, CaseOfFinding]:
    """The newest case of each of these findings that has one."""
    rows = connection.execute(_NEWEST_OF_FINDINGS, (finding_ids,)).fetchall()
    return {
        finding_id: CaseOfFinding(id=case_id, state=CaseState(state), unattached=unattached)
        for finding_id, case_id, state, unattached in rows
    }


def _line_of(row: dict[str, Any]) -> tuple[HistoryLine, bytes]:
    line = HistoryLine(
        case_id=str(row["case_id"]),
        serial=row["serial"],
        at=row["at"],
        actor=row["actor"],
        action=Action(row["action"]),
        reason=Reason(**row["reason"]),
        from_state=CaseState(row["from_state"]) if row["from_state"] else None,
        to_state=CaseState(row["to_state"]),
        previous_hash=bytes(row["previous_hash"]),
    )
    return line, bytes(row["hash"])
