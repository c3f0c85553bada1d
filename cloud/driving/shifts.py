"""Who drove which bus when. It is noted here; it is told only in a look, and to the driver."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, errors
from psycopg.rows import class_row

from cloud.db.value import fetch_value
from cloud.driving.clips import tell_of_shift
from cloud.driving.record import ShiftDeed, lock_shifts, note_shift
from cloud.errors import ReviewError

_ADD: Final = """
INSERT INTO driver_shifts (driver, city, device, from_at, to_at, noted_by, noted_at)
SELECT name, %(city)s, %(device)s, %(from_at)s, %(to_at)s, %(by)s, %(at)s FROM people WHERE name = %(driver)s
RETURNING id
"""
_OVERLAPPING: Final = """
SELECT DISTINCT driver FROM driver_shifts WHERE city = %(city)s AND from_at < %(to_at)s AND to_at > %(from_at)s
    AND (device = %(device)s OR driver = %(driver)s) ORDER BY driver
"""
_REMOVE: Final = "DELETE FROM driver_shifts WHERE id = %s AND city = %s RETURNING driver"
_OWN: Final = """
SELECT device, from_at, to_at, noted_by FROM driver_shifts
WHERE driver = %s AND city = %s AND to_at > %s ORDER BY from_at DESC, id LIMIT 1000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnShift:
    """A shift, to the one who drove."""

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


def add_shift(connection: Connection[Any], wish: ShiftWish, *, by: str, at: datetime) -> UUID | None:
    """Note a shift, within the caller's transaction; none when it overlaps one of this bus or driver.

    Whoever is refused has learned something of others' shifts: those read that it was tried.

    Raises:
        ReviewError: there is no such account, or the times cannot be.
    """
    values = {name: getattr(wish, name) for name in ShiftWish.__slots__} | {"by": by, "at": at}
    lock_shifts(connection)
    overlapping = connection.execute(_OVERLAPPING, values).fetchall()
    for (driver,) in overlapping:
        note_shift(connection, driver, ShiftDeed.REFUSE, None, by=by, at=at)
    if overlapping:
        return None
    try:
        added = fetch_value(connection, _ADD, values)
    except errors.CheckViolation as error:
        raise ReviewError("a shift ends after it began, within a day") from error
    if added is None:
        raise ReviewError(f"there is no account {wish.driver}")
    note_shift(connection, wish.driver, ShiftDeed.NOTE, added, by=by, at=at)
    tell_of_shift(connection, added, at=at)
    return added


def remove_shift(connection: Connection[Any], shift_id: UUID, *, city: str, by: str, at: datetime) -> bool:
    """Take a shift back, within the caller's transaction; false when there is none."""
    driver = fetch_value(connection, _REMOVE, (shift_id, city))
    if driver is None:
        return False
    note_shift(connection, driver, ShiftDeed.REMOVE, shift_id, by=by, at=at)
    return True


def list_own(connection: Connection[Any], driver: str, *, city: str, since: datetime) -> list[OwnShift]:
    """A driver's own shifts that end after a time, newest first."""
    with connection.cursor(row_factory=class_row(OwnShift)) as cursor:
        return cursor.execute(_OWN, (driver, city, since)).fetchall()
