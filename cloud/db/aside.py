"""Work that fails is set aside with its reason, so that nothing behind it waits; a person looks and gives it back."""

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg import Connection, errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.db.upkeep import INSERT, Deed, Note, Thing
from cloud.errors import PlaceBusyError, UnavailableError
from cloud.metrics import JOB_SECONDS, JOBS

Item = TypeVar("Item")
Result = TypeVar("Result")
Subject = dict[str, Any]

_MAX_DETAIL: Final = 4000
# What another try, or a person at the server, puts right; the work itself is not at fault.
_NOT_ITS_FAULT: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.ProgrammingError,
    errors.IdleInTransactionSessionTimeout,
    UnavailableError,
    PlaceBusyError,
)

_ITS_FAULT: Final = (errors.ProgramLimitExceeded, errors.StatementTooComplex)

_PUT: Final = """
INSERT INTO set_aside (kind, subject, reason, detail) VALUES (%s, %s, %s, %s)
ON CONFLICT (kind, subject) WHERE returned_at IS NULL DO UPDATE SET reason = EXCLUDED.reason, detail = EXCLUDED.detail
"""
_SUBJECTS: Final = """
SELECT subject FROM set_aside WHERE kind = %s AND (returned_at IS NULL OR discard_reason IS NOT NULL)
"""
_LIST: Final = """
SELECT id, kind, subject, reason, detail, at FROM set_aside WHERE returned_at IS NULL AND id > %s ORDER BY id LIMIT %s
"""
_RETURN: Final = """
UPDATE set_aside SET returned_at = now() WHERE id = %s AND returned_at IS NULL RETURNING kind, subject
"""


_FIND: Final = "SELECT id, kind, subject, reason, detail, at FROM set_aside WHERE id = %s"
_DISCARD: Final = "UPDATE set_aside SET returned_at = now(), discard_reason = %s WHERE id = %s AND returned_at IS NULL"


class Kind(StrEnum):
    """Which work it is."""

    FUSION = "fusion"
    EVIDENCE = "evidence"
    SEGMENT = "segment"
    TIMER = "timer"
    DISPATCH = "dispatch"
    MERGE = "merge"
    JUDGE = "judge"
    EVENT = "event"
    DRIVING = "driving"
    FURNITURE = "furniture"
    WATER = "water"


# How work gets back where it was taken from. What is found by the state of a case needs no way back.
_GIVE_BACK: Final[dict[Kind, LiteralString]] = {
    Kind.FUSION: """
        INSERT INTO fusion_queue (kind, city, device, id, id_at, cell)
        SELECT kind, city, device, id, id_at, cell FROM jsonb_to_record(%s)
            AS s(kind text, city text, device text, id uuid, id_at timestamptz, cell text) ON CONFLICT DO NOTHING
        """,
    Kind.EVIDENCE: """
        INSERT INTO condition_queue (kind, city, device, id, id_at)
        SELECT kind, city, device, id, id_at FROM jsonb_to_record(%s)
            AS s(kind text, city text, device text, id uuid, id_at timestamptz) ON CONFLICT DO NOTHING
        """,
    Kind.SEGMENT: """
        INSERT INTO segments_to_assess (segment_id)
        SELECT segment_id FROM jsonb_to_record(%s) AS s(segment_id text) ON CONFLICT DO NOTHING
        """,
    Kind.TIMER: """
        UPDATE case_timers t SET fired_at = NULL
        FROM jsonb_to_record(%s) AS s(case_id uuid, kind text, step integer, fire_at timestamptz)
        WHERE (t.case_id, t.kind, t.step, t.fire_at) = (s.case_id, s.kind, s.step, s.fire_at)
        """,
    Kind.DRIVING: """
        INSERT INTO driving_queue (kind, city, device, event_id, id_at)
        SELECT kind, city, device, event_id, id_at FROM jsonb_to_record(%s)
            AS s(kind text, city text, device text, event_id uuid, id_at timestamptz)
        """,
    Kind.FURNITURE: """
        INSERT INTO inventory.due (finding_id)
        SELECT finding_id FROM jsonb_to_record(%s) AS s(finding_id uuid) ON CONFLICT DO NOTHING
        """,
    Kind.WATER: """
        INSERT INTO measurement_queue (id_at, city, device, id)
        SELECT id_at, city, device, id FROM jsonb_to_record(%s)
            AS s(id_at timestamptz, city text, device text, id uuid) ON CONFLICT DO NOTHING
        """,
    Kind.EVENT: """
        INSERT INTO case_events (case_id, serial)
        SELECT case_id, serial FROM jsonb_to_record(%s) AS s(case_id uuid, serial integer)
        """,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Work that was set aside."""

    id: int
    kind: Kind
    subject: Subject
    reason: str
    detail: str
    at: datetime


def do_apart(
    connection: Connection[Any],
    items: Sequence[Item],
    do: Callable[[Sequence[Item]], Result],
    *,
    kind: Kind,
    subject_of: Callable[[Item], Subject],
) -> list[Result]:
    """Do it for all at once, within the caller's transaction; what fails alone is set aside.

    When it fails, nothing of it is kept and it is done for each half, until the one that fails is found.
    """
    if not items:
        return []
    try:
        with JOB_SECONDS.labels(kind.value).time(), connection.transaction():
            result = do(items)
    except Exception as error:  # a bug must not hold up all that has nothing to do with it
        if not _is_its_own_fault(error):
            raise
        if len(items) == 1:
            _put(connection, kind, subject_of(items[0]), error)
            JOBS.labels(kind.value, "aside").inc()
            return []
    else:
        JOBS.labels(kind.value, "done").inc(len(items))
        return [result]
    middle = len(items) // 2
    first = do_apart(connection, items[:middle], do, kind=kind, subject_of=subject_of)
    return first + do_apart(connection, items[middle:], do, kind=kind, subject_of=subject_of)


def subjects(connection: Connection[Any], kind: Kind) -> list[Subject]:
    """What was set aside of a kind and not given back: it waits, or was given up."""
    return [subject for (subject,) in connection.execute(_SUBJECTS, (kind,)).fetchall()]


def list_aside(connection: Connection[Any], *, after: int = 0, limit: int = 100) -> list[Aside]:
    """What was set aside and not given back, oldest first, from the one behind `after`."""
    with connection.cursor(row_factory=class_row(Aside)) as cursor:
        return cursor.execute(_LIST, (after, limit)).fetchall()


def find_aside(connection: Connection[Any], aside_id: int) -> Aside | None:
    """One by its number, whether it waits or not."""
    with connection.cursor(row_factory=class_row(Aside)) as cursor:
        return cursor.execute(_FIND, (aside_id,)).fetchone()


def give_back(connection: Connection[Any], aside_id: int, *, actor: str) -> bool:
    """Let it be tried again, within the caller's transaction; false when there is no such work aside."""
    row = connection.execute(_RETURN, (aside_id,)).fetchone()
    if row is None:
        return False
    statement = _GIVE_BACK.get(Kind(row[0]))
    if statement is not None:
        connection.execute(statement, (Jsonb(row[1]),))
    _note(connection, Note(actor=actor, thing=Thing.SET_ASIDE, number=aside_id, action=Deed.RETURN))
    return True


def discard(connection: Connection[Any], aside_id: int, *, reason: str, actor: str) -> bool:
    """Give it up, within the caller's transaction: nobody tries it again. False when there is no such work aside."""
    if not connection.execute(_DISCARD, (reason, aside_id)).rowcount:
        return False
    note = Note(actor=actor, thing=Thing.SET_ASIDE, number=aside_id, action=Deed.DISCARD, reason=reason)
    _note(connection, note)
    return True


def _note(connection: Connection[Any], note: Note) -> None:
    connection.execute(INSERT, note.values())


def _is_its_own_fault(error: Exception) -> bool:
    return isinstance(error, _ITS_FAULT) or not isinstance(error, _NOT_ITS_FAULT)


def _put(connection: Connection[Any], kind: Kind, subject: Subject, error: Exception) -> None:
    logging.getLogger(__name__).error("set_aside kind=%s subject=%s", kind, subject, exc_info=error)
    detail = "".join(traceback.format_exception(error))[-_MAX_DETAIL:]
    connection.execute(_PUT, (kind, Jsonb(subject), f"{type(error).__name__}: {error}"[:_MAX_DETAIL], detail))
