"""Timers of cases in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from cloud.cases.limits import Limits, Timer, TimerKind
from cloud.cases.orders import CaseRow

_DROP: Final = """
DELETE FROM case_timers t WHERE t.case_id = %(case_id)s AND t.fired_at IS NULL AND NOT EXISTS (
    SELECT FROM unnest(%(kinds)s::text[], %(steps)s::integer[], %(fire_at)s::timestamptz[]) AS n(kind, step, fire_at)
    WHERE n.kind = t.kind AND n.step = t.step AND n.fire_at = t.fire_at)
"""
_SET: Final = """
INSERT INTO case_timers (case_id, kind, step, fire_at)
SELECT %(case_id)s, kind, step, fire_at
FROM unnest(%(kinds)s::text[], %(steps)s::integer[], %(fire_at)s::timestamptz[]) AS n(kind, step, fire_at)
ON CONFLICT ON CONSTRAINT case_timers_pkey DO NOTHING
"""
# The case is locked first, as every action does: two workers never wait for each other crosswise.
_NEXT: Final = """
SELECT t.case_id, t.kind, t.step, t.fire_at FROM case_timers t JOIN cases c ON c.id = t.case_id
WHERE t.fired_at IS NULL AND t.fire_at <= %s ORDER BY t.fire_at, t.case_id, t.kind, t.step LIMIT 1
FOR UPDATE OF c SKIP LOCKED
"""
_FIRED: Final = """
UPDATE case_timers SET fired_at = %(at)s
WHERE case_id = %(case_id)s AND kind = %(kind)s AND step = %(step)s AND fire_at = %(fire_at)s AND fired_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimer:
    """A timer whose time has come."""

    case_id: UUID
    kind: TimerKind
    step: int
    fire_at: datetime


def set_timers(connection: Connection[Any], case: CaseRow, *, limits: Limits) -> None:
    """Make the timers of a case those that fit it now; one that has fired does not fire again."""
    values = {"case_id": case.id} | _columns(limits.timers_of(case))
    connection.execute(_DROP, values)
    connection.execute(_SET, values)


def take_due(connection: Connection[Any], *, at: datetime) -> DueTimer | None:
    """Take the next timer whose time has come, and lock its case; it is given back when the transaction fails."""
    with connection.cursor(row_factory=class_row(DueTimer)) as cursor:
        found = cursor.execute(_NEXT, (at,)).fetchone()
    if found is None:
        return None
    values = {"at": at, "case_id": found.case_id, "kind": found.kind, "step": found.step, "fire_at": found.fire_at}
    return found if connection.execute(_FIRED, values).rowcount else None


def _columns(timers: Sequence[Timer]) -> dict[str, list[Any]]:
    return {
        "kinds": [timer.kind.value for timer in timers],
        "steps": [timer.step for timer in timers],
        "fire_at": [timer.fire_at for timer in timers],
    }
