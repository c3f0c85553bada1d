"""Who saw the seconds of the road around an incident: its driver reads it, though it be noted later who that was."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from cloud.cases.chain import DRIVERS, Deed
from cloud.driving.record import NO_WORDS, lock_record, lock_shifts
from cloud.looks.rules import ONE_LOOK

VIEW: Final = "view_clip"

_NOTE: Final = """
INSERT INTO driving_log (incident_id, at, actor, action, from_state, to_state)
SELECT i.id, %(at)s, %(actor)s, %(view)s, i.state, i.state FROM driving_incidents i
WHERE i.id = %(id)s AND NOT EXISTS (SELECT FROM driving_log l
    WHERE l.incident_id = i.id AND l.action = %(view)s AND l.actor = %(actor)s AND l.at > %(since)s)
"""
_VIEWS: Final = """
SELECT s.driver, i.id, i.from_at, l.actor, l.at FROM driving_incidents i
JOIN driver_shifts s ON s.city = i.city AND s.device = i.device AND i.from_at >= s.from_at AND i.from_at < s.to_at
JOIN driving_log l ON l.incident_id = i.id AND l.action = %s
"""
_OF_INCIDENT: Final = _VIEWS + "WHERE i.id = %s ORDER BY s.driver, l.id"
_OF_SHIFT: Final = _VIEWS + "WHERE s.id = %s ORDER BY l.id"
_IS_TOLD: Final = "SELECT FROM driver_history WHERE record = %s AND action = %s AND actor = %s AND details = %s"


def note_view(connection: Connection[Any], incident_id: UUID, *, by: str, at: datetime) -> None:
    """Write down who looks, within the caller's transaction; once for some minutes of looking on."""
    lock_shifts(connection)
    values = {"id": incident_id, "at": at, "actor": by, "view": VIEW, "since": at - ONE_LOOK}
    connection.execute(_NOTE, values)
    _tell(connection, connection.execute(_OF_INCIDENT, (VIEW, incident_id)).fetchall(), at=at)


def tell_of_shift(connection: Connection[Any], shift_id: UUID, *, at: datetime) -> None:
    """Tell the driver of a shift that has just been noted who looked before."""
    _tell(connection, connection.execute(_OF_SHIFT, (VIEW, shift_id)).fetchall(), at=at)


def _tell(connection: Connection[Any], views: list[tuple[Any, ...]], *, at: datetime) -> None:
    """Append to the drivers' chains what does not stand there yet: no bus, no place."""
    for driver, incident_id, from_at, actor, seen_at in views:
        details = {"incident": str(incident_id), "of_at": from_at.isoformat(), "seen_at": seen_at.isoformat()}
        record = lock_record(connection, driver)
        if connection.execute(_IS_TOLD, (record, VIEW, actor, Jsonb(details))).rowcount == 0:
            deed = Deed(at=at, actor=actor, action=VIEW, reason=NO_WORDS, to_state=VIEW, details=details)
            DRIVERS.append(connection, record, deed)
