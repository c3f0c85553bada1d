"""Who did what with a driver's data, as the driver reads it: a chain for each, without buses and places."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.cases.chain import DRIVERS, Deed
from cloud.cases.model import HistoryLine, Reason
from cloud.db.value import fetch_value

_LOCK: Final = """
INSERT INTO driver_records AS r (driver) VALUES (%s)
ON CONFLICT ON CONSTRAINT driver_records_driver_key DO UPDATE SET driver = r.driver RETURNING id
"""
_LOCK_SHIFTS: Final = "SELECT pg_advisory_xact_lock(hashtextextended('busense.shifts', 0))"
_FIND: Final = "SELECT id FROM driver_records WHERE driver = %s"
NO_WORDS: Final = Reason(zh="", en="")


class ShiftDeed(StrEnum):
    """What was done with a shift."""

    NOTE = "note_shift"
    REFUSE = "refuse_shift"
    """Somebody noted one that overlaps: who tries that learns that there is one."""
    REMOVE = "remove_shift"


def lock_record(connection: Connection[Any], driver: str) -> UUID:
    """The driver's chain, made if there is none, kept until the end of the transaction."""
    [(record,)] = connection.execute(_LOCK, (driver,)).fetchall()
    return record


def lock_shifts(connection: Connection[Any]) -> None:
    """Let nobody note shifts until the end of the transaction."""
    connection.execute(_LOCK_SHIFTS)


def note_shift(
    connection: Connection[Any], driver: str, action: ShiftDeed, shift_id: UUID | None, *, by: str, at: datetime
) -> None:
    """Write down what was done with a shift, in the caller's transaction."""
    details = {} if shift_id is None else {"shift": str(shift_id)}
    deed = Deed(at=at, actor=by, action=action, reason=NO_WORDS, to_state=action, details=details)
    DRIVERS.append(connection, lock_record(connection, driver), deed)


def read_record(connection: Connection[Any], driver: str) -> list[HistoryLine]:
    """Lines of a driver's chain, newest first."""
    record = fetch_value(connection, _FIND, (driver,))
    return [line for line, _ in reversed(DRIVERS.read(connection, record))] if record else []
