"""Who drove which bus when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, errors
from psycopg.rows import class_row

from cloud.errors import ReviewError

_ADD: Final = """
INSERT INTO driver_shifts (driver, city, device, from_at, to_at, noted_by, noted_at)
SELECT name, %(city)s, %(device)s, %(from_at)s, %(to_at)s, %(by)s, %(at)s FROM people WHERE name = %(driver)s
RETURNING id
"""
_OVERLAPS: Final = """
SELECT EXISTS (SELECT FROM driver_shifts WHERE from_at < %(to_at)s AND to_at > %(from_at)s
    AND ((city = %(city)s AND device = %(device)s) OR driver = %(driver)s))
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('busense.shifts', 0))"
_REMOVE: Final = "DELETE FROM driver_shifts WHERE id = %s RETURNING driver, device"
_LIST: Final = """
SELECT id, driver, device, from_at, to_at, noted_by FROM driver_shifts
WHERE city = %s AND to_at > %s ORDER BY from_at DESC, id LIMIT %s
"""
_NOTE: Final = "INSERT INTO driving_log (shift_id, at, actor, action, reason) VALUES (%s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    id: UUID
    driver: str
    device: str
    from_at: datetime
    to_at: datetime
    noted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftWish:
    """A shift as somebody notes it."""

    driver: str
    city: str
    device: str
    from_at: datetime
    to_at: datetime


def add_shift(connection: Connection[Any], wish: ShiftWish, *, by: str, at: datetime) -> UUID:
    """Note a shift, within the caller's transaction.

    Raises:
        ReviewError: there is no such account, the times cannot be, or it overlaps one of this bus or driver.
    """
    values = {name: getattr(wish, name) for name in ShiftWish.__slots__} | {"by": by, "at": at}
    connection.execute(_LOCK)
    row = connection.execute(_OVERLAPS, values).fetchone()
    if row is not None and row[0]:
        raise ReviewError(f"{wish.device} or {wish.driver} has a shift in that time already")
    try:
        added = connection.execute(_ADD, values).fetchone()
    except errors.CheckViolation as error:
        raise ReviewError("a shift ends after it began, within a day") from error
    if added is None:
        raise ReviewError(f"there is no account {wish.driver}")
    _note(connection, added[0], action="shift_noted", by=by, at=at, about=f"{wish.driver} {wish.device}")
    return added[0]


def remove_shift(connection: Connection[Any], shift_id: UUID, *, by: str, at: datetime) -> bool:
    """Take a shift back, within the caller's transaction; false when there is none."""
    row = connection.execute(_REMOVE, (shift_id,)).fetchone()
    if row is None:
        return False
    _note(connection, shift_id, action="shift_removed", by=by, at=at, about=f"{row[0]} {row[1]}")
    return True


def list_shifts(connection: Connection[Any], *, city: str, since: datetime, limit: int) -> list[Shift]:
    """Shifts that end after a time, newest first."""
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        return cursor.execute(_LIST, (city, since, limit)).fetchall()


def _note(connection: Connection[Any], shift_id: UUID, *, action: str, by: str, at: datetime, about: str) -> None:
    connection.execute(_NOTE, (shift_id, at, by, action, about))
