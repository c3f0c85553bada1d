"""One case with all that belongs to it."""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.effects import is_with
from cloud.cases.handling import Handling
from cloud.cases.lifecycle import allowed_actions
from cloud.cases.model import Action, Actor, CaseState
from cloud.cases.proof import read_repair
from cloud.cases.scope import scope_of
from cloud.cases.views import CASE_BY_ID, CaseDetail, item_values
from cloud.errors import CaseNotFoundError
from cloud.findings.catalogue import Catalogue

_HISTORY: Final = """
SELECT serial, at, actor, action, reason, from_state, to_state, details FROM case_history WHERE case_id = %(id)s
ORDER BY serial
"""
_PHOTOS: Final = """
SELECT p.sha256, p.kind, p.at, p.actor, k.width_px, k.height_px FROM case_photos p JOIN pictures k USING (sha256)
WHERE p.case_id = %(id)s AND k.erased_at IS NULL ORDER BY p.at, p.sha256
"""

# What a person asks for by name; the rest the system or the crew's photos do.
_NOT_FOR_BUTTONS: Final = frozenset({Action.OPEN, Action.ADD_PHOTO})


def read_case(
    connection: Connection[Any], case_id: UUID, *, actor: Actor, catalogue: Catalogue, handling: Handling
) -> CaseDetail:
    """Read a case as this actor may see it.

    Raises:
        CaseNotFoundError: there is none for this actor.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        record = cursor.execute(CASE_BY_ID, {"id": case_id}).fetchone()
        seen = scope_of(actor, handling)
        if record is None or not seen.has_case(unit=record["unit_key"], lon=record["lon"], lat=record["lat"]):
            raise CaseNotFoundError(f"there is no case {case_id}")
        history = cursor.execute(_HISTORY, {"id": case_id}).fetchall()
        photos = cursor.execute(_PHOTOS, {"id": case_id}).fetchall()
    values = item_values(record, catalogue) | {
        "history": history,
        "photos": photos,
        "actions": actions_for(actor, record),
        "repair": read_repair(connection, record, catalogue=catalogue, handling=handling),
    }
    return CaseDetail.model_validate(values)


def actions_for(actor: Actor, record: dict[str, Any]) -> list[Action]:
    """What an actor may do now with a case (a row of CASE_COLUMNS)."""
    if not is_with(actor, unit=record["unit_key"], crew=record["crew"]):
        return []
    allowed = allowed_actions(CaseState(record["state"]), actor.role)
    is_asked = record["suspension_asked_at"] is not None
    return [
        action
        for action in allowed
        if action not in _NOT_FOR_BUTTONS and (is_asked or action is not Action.DECLINE_SUSPENSION)
    ]
