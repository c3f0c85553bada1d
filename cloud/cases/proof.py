"""What buses saw of a place before and after its repair."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.handling import Handling
from cloud.cases.verification import MIN_SHARE, PassAfter, still_there
from cloud.cases.views import PassView, RepairView
from cloud.findings.catalogue import Catalogue, DamageClass
from cloud.findings.rates import PassRates, assumed_surer

MAX_PASSES: Final = 200

# The finding of a case may have become one with another, which then has its passes.
_PASSAGES: Final = """
SELECT p.at, p.device, p.kind, p.looked_share, p.confidence, p.hit, p.false_alarm, p.surer, p.is_measured,
    o.box_xyxy_px, o.frame_width_px, o.frame_height_px, k.sha256, k.received_at IS NOT NULL AS available,
    k.width_px, k.height_px
FROM findings f
JOIN finding_passes p ON p.finding_id = coalesce(f.merged_into, f.id)
LEFT JOIN observations o ON o.id_at = p.observation_id_at AND o.city = p.city AND o.device = p.device
    AND o.id = p.observation_id
LEFT JOIN pictures k ON k.sha256 = o.picture_sha256
WHERE f.id = %(finding_id)s
"""
# Glances that prove nothing take no place of what does.
_AFTER: Final = (
    _PASSAGES
    + """AND p.at > %(done_at)s
ORDER BY p.kind = 'seen' OR p.looked_share >= %(least_share)s DESC, p.at LIMIT %(limit)s"""
)
_SEEN_BEFORE: Final = (
    _PASSAGES
    + """AND p.kind = 'seen' AND p.at <= %(done_at)s
ORDER BY k.received_at IS NOT NULL DESC, p.at DESC LIMIT 1"""
)


def read_passes_after(
    connection: Connection[Any], finding_id: UUID, *, done_at: datetime, class_code: str, catalogue: Catalogue
) -> list[PassAfter]:
    """Passes after a repair, each with the rates of its own model and view; none for a class nobody knows."""
    return _weighable(_rows_after(connection, finding_id, done_at), catalogue.classes.get(class_code))


def read_repair(
    connection: Connection[Any], record: dict[str, Any], *, catalogue: Catalogue, handling: Handling
) -> RepairView | None:
    """Read the proof of a repair for a case (a row of CASE_COLUMNS), if it was ever done."""
    if record["done_at"] is None:
        return None
    rows = _rows_after(connection, record["finding_id"], record["done_at"])
    after = [_view_of(row) for row in rows]
    seen_after = [taken for taken in after if taken.confidence is not None]
    passes = _weighable(rows, catalogue.classes.get(record["class_code"]))
    repair: dict[str, Any] = record["repair"] or {}
    return RepairView(
        done_at=record["done_at"],
        materials=repair.get("materials", []),
        length_m=repair.get("length_m"),
        width_m=repair.get("width_m"),
        area_m2=repair.get("area_m2"),
        seen_before=_seen_before(connection, record["finding_id"], record["done_at"]),
        seen_after=seen_after[-1] if seen_after else None,
        passes_after=after,
        still_there=still_there(passes, rules=handling.verification),
    )


def _rows_after(connection: Connection[Any], finding_id: UUID, done_at: datetime) -> list[dict[str, Any]]:
    values = {"finding_id": finding_id, "done_at": done_at, "least_share": MIN_SHARE, "limit": MAX_PASSES}
    with connection.cursor(row_factory=dict_row) as cursor:
        return sorted(cursor.execute(_AFTER, values).fetchall(), key=itemgetter("at"))


def _seen_before(connection: Connection[Any], finding_id: UUID, done_at: datetime) -> PassView | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SEEN_BEFORE, {"finding_id": finding_id, "done_at": done_at}).fetchone()
    return _view_of(row) if row else None


def _weighable(rows: Sequence[dict[str, Any]], entry: DamageClass | None) -> list[PassAfter]:
    return [] if entry is None else [_pass_after(row, entry) for row in rows]


def _pass_after(row: dict[str, Any], entry: DamageClass) -> PassAfter:
    """As the fusion weighed the pass; as the county assumes where it has not weighed it yet."""
    is_seen = row["confidence"] is not None
    assumed = assumed_surer(row["confidence"], entry) if is_seen else 0.0
    rates = PassRates(
        hit=entry.hit_rate if row["hit"] is None else row["hit"],
        false_alarm=entry.false_alarm_rate if row["false_alarm"] is None else row["false_alarm"],
        surer=assumed if row["surer"] is None else row["surer"],
        is_measured=row["is_measured"],
    )
    return PassAfter(looked_share=row["looked_share"], is_seen=is_seen, rates=rates)


def _view_of(row: dict[str, Any]) -> PassView:
    fields = ("sha256", "available", "width_px", "height_px")
    picture = {name: row[name] for name in fields} if row["sha256"] is not None else None
    return PassView.model_validate(row | {"picture": picture})
