"""Reviews and objections: the only way in which an incident changes after it was noticed. Each is recorded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.db.value import fetch_value
from cloud.errors import IncidentNotFoundError, ReviewError
from cloud.scenarios.safe_driving.review import NEEDS_REASON, Review, ReviewState, next_state

_LOCK: Final = "SELECT state, version FROM driving_incidents WHERE id = %s FOR UPDATE"
_IS_OF_DRIVER: Final = """
SELECT EXISTS (SELECT FROM driving_incidents i JOIN driver_shifts s
    ON s.city = i.city AND s.device = i.device AND i.from_at >= s.from_at AND i.from_at < s.to_at
    WHERE i.id = %s AND s.driver = %s)
"""
_CHANGE: Final = """
UPDATE driving_incidents SET state = %(state)s, version = version + 1,
    objection = coalesce(%(objection)s, objection), objected_at = coalesce(%(objected_at)s, objected_at)
WHERE id = %(id)s
"""
_NOTE: Final = """
INSERT INTO driving_log (incident_id, at, actor, action, from_state, to_state, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to do with an incident, as they last saw it."""

    review: Review
    version: int
    reason: str | None = None


def review(connection: Connection[Any], incident_id: UUID, wish: Wish, *, actor: str, at: datetime) -> None:
    """Review, within the caller's transaction.

    Raises:
        IncidentNotFoundError: there is none.
        ReviewError: it has changed meanwhile, the state does not allow it, or a reason is missing.
    """
    state, version = _locked(connection, incident_id)
    if version != wish.version:
        raise ReviewError(f"somebody has changed it meanwhile: version {version} is there, {wish.version} was meant")
    _change(connection, incident_id, state, wish.review, reason=wish.reason, actor=actor, at=at)


def object_to(connection: Connection[Any], incident_id: UUID, text: str, *, driver: str, at: datetime) -> None:
    """Take a driver's word, within the caller's transaction: somebody must look again.

    Raises:
        IncidentNotFoundError: there is none of this driver's shifts.
        ReviewError: it does not count against anybody.
    """
    if not fetch_value(connection, _IS_OF_DRIVER, (incident_id, driver)):
        raise IncidentNotFoundError(f"there is no incident {incident_id}")
    state, _ = _locked(connection, incident_id)
    _change(connection, incident_id, state, Review.OBJECT, reason=text, actor=driver, at=at)


def _locked(connection: Connection[Any], incident_id: UUID) -> tuple[ReviewState, int]:
    row = connection.execute(_LOCK, (incident_id,)).fetchone()
    if row is None:
        raise IncidentNotFoundError(f"there is no incident {incident_id}")
    return ReviewState(row[0]), int(row[1])


def _change(
    connection: Connection[Any],
    incident_id: UUID,
    state: ReviewState,
    action: Review,
    *,
    reason: str | None,
    actor: str,
    at: datetime,
) -> None:
    after = next_state(state, action)
    if after is None:
        raise ReviewError(f"{action} has no place in the state {state}")
    if action in NEEDS_REASON and not (reason or "").strip():
        raise ReviewError(f"{action} needs a reason")
    objected = action is Review.OBJECT
    values = {"id": incident_id, "state": after, "objection": reason if objected else None}
    connection.execute(_CHANGE, values | {"objected_at": at if objected else None})
    connection.execute(_NOTE, (incident_id, at, actor, action, state, after, reason))
