"""One case with all that belongs to it."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.effects import is_with
from cloud.cases.handling import Handling
from cloud.cases.lifecycle import allowed_actions
from cloud.cases.model import Action, Actor, CaseState
from cloud.cases.verification import PassAfter, Rates, still_there
from cloud.cases.views import CASE_BY_ID, CaseDetail, PassView, RepairView, item_values
from cloud.errors import CaseNotFoundError
from cloud.findings.catalogue import Catalogue

_HISTORY: Final = """
SELECT serial, at, actor, action, reason, from_state, to_state, details FROM case_history WHERE case_id = %(id)s
ORDER BY serial
"""
_PHOTOS: Final = """
SELECT p.sha256, p.kind, p.at, p.actor, k.width_px, k.height_px FROM case_photos p JOIN pictures k USING (sha256)
WHERE p.case_id = %(id)s ORDER BY p.at, p.sha256
"""
_PASSAGES: Final = """
SELECT p.at, p.device, p.kind, p.looked_share, p.confidence, o.box_xyxy_px, o.frame_width_px, o.frame_height_px,
    k.sha256, k.received_at IS NOT NULL AS available, k.width_px, k.height_px
FROM finding_passes p
LEFT JOIN observations o ON o.id_at = p.observation_id_at AND o.city = p.city AND o.device = p.device
    AND o.id = p.observation_id
LEFT JOIN pictures k ON k.sha256 = o.picture_sha256
WHERE p.finding_id = %(finding_id)s
"""
_PASSES_AFTER: Final = _PASSAGES + "AND p.at > %(done_at)s ORDER BY p.at LIMIT 200"
_SEEN_BEFORE: Final = (
    _PASSAGES
    + """AND p.kind = 'seen' AND p.at <= %(done_at)s
ORDER BY k.received_at IS NOT NULL DESC, p.at DESC LIMIT 1"""
)

# What a person asks for by name; the rest the system or the crew's photos do.
_NOT_FOR_BUTTONS: Final = frozenset({Action.OPEN, Action.ADD_PHOTO})


def read_case(
    connection: Connection[Any], case_id: UUID, *, actor: Actor, catalogue: Catalogue, handling: Handling
) -> CaseDetail:
    """Read a case as this actor may see it.

    Raises:
        CaseNotFoundError: there is none.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        record = cursor.execute(CASE_BY_ID, {"id": case_id}).fetchone()
        if record is None:
            raise CaseNotFoundError(f"there is no case {case_id}")
        history = cursor.execute(_HISTORY, {"id": case_id}).fetchall()
        photos = cursor.execute(_PHOTOS, {"id": case_id}).fetchall()
    values = item_values(record, catalogue) | {
        "history": history,
        "photos": photos,
        "actions": actions_for(actor, record),
        "repair": _repair(connection, record, catalogue, handling),
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


def rates_of(catalogue: Catalogue, class_code: str) -> Rates | None:
    """How often the detector is right and wrong about a class; unknown for one that is not in the catalogue."""
    entry = catalogue.classes.get(class_code)
    if entry is None:
        return None
    return Rates(hit=entry.hit_rate, false_alarm=entry.false_alarm_rate, usual_confidence=entry.usual_confidence)


def _repair(
    connection: Connection[Any], record: dict[str, Any], catalogue: Catalogue, handling: Handling
) -> RepairView | None:
    if record["done_at"] is None:
        return None
    values = {"finding_id": record["finding_id"], "done_at": record["done_at"]}
    with connection.cursor(row_factory=dict_row) as cursor:
        after = [_pass_of(row) for row in cursor.execute(_PASSES_AFTER, values).fetchall()]
        before = [_pass_of(row) for row in cursor.execute(_SEEN_BEFORE, values).fetchall()]
    seen_after = [taken for taken in after if taken.confidence is not None]
    repair: dict[str, Any] = record["repair"] or {}
    return RepairView(
        done_at=record["done_at"],
        materials=repair.get("materials", []),
        length_m=repair.get("length_m"),
        width_m=repair.get("width_m"),
        area_m2=repair.get("area_m2"),
        seen_before=before[0] if before else None,
        seen_after=seen_after[-1] if seen_after else None,
        passes_after=after,
        still_there=_belief(after, rates_of(catalogue, record["class_code"]), handling),
    )


def _belief(after: Sequence[PassView], rates: Rates | None, handling: Handling) -> float:
    if rates is None:
        return handling.verification.bad_repair
    passes = [PassAfter(looked_share=taken.looked_share, confidence=taken.confidence, rates=rates) for taken in after]
    return still_there(passes, rules=handling.verification)


def _pass_of(row: dict[str, Any]) -> PassView:
    fields = ("sha256", "available", "width_px", "height_px")
    picture = {name: row[name] for name in fields} if row["sha256"] is not None else None
    return PassView.model_validate(row | {"picture": picture})
