"""Who saw the seconds of the road around an incident: its driver reads it, though it be noted later who that was.

All looks come by here: those of reviewers, and those at the pictures of a person's request. Only the driver's are not
told. A picture of which no incident is known is shown to nobody, since nobody could be told.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from cloud.cases.chain import DRIVERS, Deed
from cloud.driving.record import NO_WORDS, lock_record, lock_shifts
from cloud.errors import UntoldError
from cloud.looks.rules import ONE_LOOK
from cloud.scenarios.safe_driving.assess import LONGEST, SAME_WITHIN


class ClipDeed(StrEnum):
    """What was done with the pictures of an incident."""

    VIEW = "view_clip"
    HAND_OUT = "hand_out_clip"
    """Given to a person who asked for what is known of them."""


_NOTE: Final = """
INSERT INTO driving_log (incident_id, at, actor, action, from_state, to_state)
SELECT i.id, %(at)s, %(actor)s, %(deed)s, i.state, i.state FROM driving_incidents i
WHERE i.id = ANY(%(ids)s) AND NOT EXISTS (SELECT FROM driving_log l
    WHERE l.incident_id = i.id AND l.action = %(deed)s AND l.actor = %(actor)s AND l.at > %(since)s)
"""
_SEEN: Final = """
SELECT s.driver, i.id, i.from_at, l.actor, l.action, l.at FROM driving_incidents i
JOIN driver_shifts s ON s.city = i.city AND s.device = i.device AND i.from_at >= s.from_at AND i.from_at < s.to_at
JOIN driving_log l ON l.incident_id = i.id AND l.action = ANY(%s)
"""
_OF_INCIDENTS: Final = _SEEN + "WHERE i.id = ANY(%s) ORDER BY s.driver, l.id"
_OF_SHIFT: Final = _SEEN + "WHERE s.id = %s ORDER BY l.id"
# What of an incident was told later, or by another device, has joined it by its time.
_INCIDENTS_OF: Final = """
SELECT p.sha256, i.id FROM driving_pictures p
LEFT JOIN driving_incidents i ON i.city = p.city AND i.device = p.device AND i.kind = p.kind
    AND i.from_at BETWEEN p.at - %(longest)s AND p.at + %(same)s AND i.to_at >= p.at - %(same)s
WHERE p.sha256 = ANY(%(hashes)s) ORDER BY p.sha256
"""
_IS_TOLD: Final = "SELECT FROM driver_history WHERE record = %s AND action = %s AND actor = %s AND details = %s"


def note_look(connection: Connection[Any], incidents: Sequence[UUID], deed: ClipDeed, *, by: str, at: datetime) -> None:
    """Write down who looks, within the caller's transaction; once for some minutes of looking on."""
    lock_shifts(connection)
    ids = list(incidents)
    connection.execute(_NOTE, {"ids": ids, "at": at, "actor": by, "deed": deed, "since": at - ONE_LOOK})
    _tell(connection, _OF_INCIDENTS, ids, at=at)


def note_look_at_pictures(
    connection: Connection[Any], hashes: Sequence[str], deed: ClipDeed, *, by: str, at: datetime
) -> None:
    """The same by pictures, of which those that are of no event at the wheel are nobody's.

    Raises:
        UntoldError: of one of them no incident is known.
    """
    values = {"hashes": list(hashes), "longest": LONGEST, "same": SAME_WITHIN}
    found = connection.execute(_INCIDENTS_OF, values).fetchall()
    if unknown := [sha256 for sha256, incident in found if incident is None]:
        raise UntoldError(
            f"no incident is known of {unknown[0]} (yet): its driver could not be told who looked, so nobody may"
        )
    if found:
        note_look(connection, [incident for _, incident in found], deed, by=by, at=at)


def tell_of_shift(connection: Connection[Any], shift_id: UUID, *, at: datetime) -> None:
    """Tell the driver of a shift that has just been noted who looked before."""
    _tell(connection, _OF_SHIFT, shift_id, at=at)


def _tell(connection: Connection[Any], statement: LiteralString, of_what: UUID | list[UUID], *, at: datetime) -> None:
    """Append to the drivers' chains what does not stand there yet: no bus, no place."""
    looks = connection.execute(statement, (list(ClipDeed), of_what)).fetchall()
    for driver, incident_id, from_at, actor, action, seen_at in looks:
        details = {"incident": str(incident_id), "of_at": from_at.isoformat(), "seen_at": seen_at.isoformat()}
        record = lock_record(connection, driver)
        if connection.execute(_IS_TOLD, (record, action, actor, Jsonb(details))).rowcount == 0:
            deed = Deed(at=at, actor=actor, action=action, reason=NO_WORDS, to_state=action, details=details)
            DRIVERS.append(connection, record, deed)
