"""Road condition: segments for the map, one with its history, the worst, and those nobody looked at for long."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from cloud.api.actors import ScopeDep, needs
from cloud.api.deps import BoxQuestion, Database, DatabaseDep, Question, Record, ResourcesDep, fetch_all, fetch_one
from cloud.api.problems import not_found
from cloud.condition.pci import Grade
from cloud.condition.views import (
    COLUMNS,
    PRESENT,
    ConditionSummary,
    GradeShare,
    SegmentCollection,
    SegmentDetail,
    SegmentItem,
    StaleItem,
    StaleSegments,
    WorstSegments,
    detail_of,
    feature_of,
    item_values,
    usual_passes,
)
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE

router = APIRouter(tags=["condition"], dependencies=[needs(Permission.SEE)])

MOST_SEGMENTS: Final = 20_000
USUAL_DAYS: Final = 28  # a bus that did not pass for so long is not expected

_GRADE: Final = """
CASE WHEN c.pci_estimate IS NULL THEN 'unknown' WHEN c.pci_estimate >= 90 THEN 'excellent'
    WHEN c.pci_estimate >= 80 THEN 'good' WHEN c.pci_estimate >= 70 THEN 'fair'
    WHEN c.pci_estimate >= 60 THEN 'poor' ELSE 'bad' END
"""
_LIST: Final = (
    COLUMNS
    + PRESENT
    + "AND (%(grades)s::text[] IS NULL OR"
    + _GRADE
    + "= ANY(%(grades)s)) AND (NOT %(seen)s OR c.last_looked_at IS NOT NULL) ORDER BY s.id LIMIT %(limit)s"
)
_ONE: Final = COLUMNS + "WHERE s.id = %(id)s"
_WORST: Final = (
    COLUMNS + PRESENT + "AND c.pci_estimate IS NOT NULL ORDER BY c.pci_estimate, c.pci_low, s.id LIMIT %(limit)s"
)
_REACHABLE: Final = """
AND (NOT %(reachable)s OR EXISTS (
    SELECT FROM segment_passes p WHERE p.segment_id = s.id AND p.last_at > %(usual_since)s))
"""
# Two lists, each in the order of an index; the first of both together are told.
_UNSEEN: Final = (
    "SELECT s.id, NULL::timestamptz AS looked_at FROM segments s"  # noqa: S608 - of constants
    + PRESENT
    + "AND NOT s.is_seen"
    + _REACHABLE
    + "ORDER BY s.id LIMIT %(limit)s"
)
_LONG_AGO: Final = (
    "SELECT s.id, c.last_looked_at FROM segment_conditions c JOIN segments s ON s.id = c.segment_id"  # noqa: S608 - of constants
    + PRESENT
    + "AND c.last_looked_at < %(before)s"
    + _REACHABLE
    + "ORDER BY c.last_looked_at, s.id LIMIT %(limit)s"
)
_STALE: Final = (
    "WITH stale AS (("  # noqa: S608 - of constants
    + _UNSEEN
    + ") UNION ALL ("
    + _LONG_AGO
    + "))"
    + COLUMNS
    + """
WHERE s.id IN (SELECT id FROM stale ORDER BY looked_at NULLS FIRST, id LIMIT %(limit)s)
ORDER BY c.last_looked_at NULLS FIRST, s.id
"""
)
_PASSES: Final = """
SELECT segment_id, device, sum(passes) OVER (PARTITION BY segment_id, device)::int AS passes, last_at
FROM segment_passes WHERE segment_id = ANY(%(ids)s) AND last_at > %(usual_since)s
ORDER BY segment_id, device, hour
"""
_HISTORY: Final = """
SELECT * FROM (
    SELECT DISTINCT ON (date_trunc(%(by)s, day)) day, pci_estimate, pci_low, pci_high, surveyed_share, findings,
        last_looked_at
    FROM segment_history WHERE segment_id = %(id)s ORDER BY date_trunc(%(by)s, day) DESC, day DESC LIMIT 400
) newest ORDER BY day
"""
_FOUND: Final = (
    """
SELECT f.id::text, f.class_code, f.severity, f.existence, f.state, sf.along_m, f.length_m, f.width_m, f.area_m2,
    f.lon, f.lat, f.last_seen_at
FROM segment_findings sf JOIN findings f ON f.id = sf.finding_id
WHERE sf.segment_id = %(id)s AND f.state <> 'rejected' AND f.merged_into IS NULL AND
"""
    + SCOPE_PLACE
    + "ORDER BY sf.along_m, f.id LIMIT 500"
)
_SURVEYS: Final = """
SELECT device, from_at, to_at, from_m, to_m, direction, usable_share FROM segment_surveys
WHERE segment_id = %(id)s ORDER BY to_at DESC, coverage_id LIMIT 50
"""
_SUMMARY: Final = (
    "SELECT "
    + _GRADE
    + """ AS grade, count(*) AS segments, sum(s.length_m) / 1000 AS length_km,
    count(c.last_looked_at) AS surveyed_segments,
    coalesce(sum(s.length_m) FILTER (WHERE c.last_looked_at IS NOT NULL), 0) / 1000 AS surveyed_length_km,
    count(*) FILTER (WHERE c.last_looked_at IS NULL OR c.last_looked_at < %(before)s) AS stale_segments,
    coalesce(sum(c.pci_estimate * s.length_m), 0) / 1000 AS weighted
FROM segments s LEFT JOIN segment_conditions c ON c.segment_id = s.id WHERE s.retired_at IS NULL GROUP BY 1
"""
)


class SegmentQuestion(BoxQuestion):
    """Which segments."""

    grade: Annotated[tuple[Grade, ...], Field(max_length=10)] = ()
    seen: Annotated[bool, Field(description="only segments that a bus has looked at")] = False
    limit: Annotated[int, Field(ge=1, le=MOST_SEGMENTS)] = 5000


class ListQuestion(BoxQuestion):
    """How many segments, and where."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 50


class StaleQuestion(ListQuestion):
    """Which stale segments."""

    reachable: Annotated[bool, Field(description="only where buses have passed in the last weeks")] = False


class DetailQuestion(Question):
    """How fine the history is."""

    by: Literal["day", "week"] = "day"


SegmentId = Annotated[str, Path(max_length=64, pattern=r"^[0-9a-f]+$")]


@router.get("/segments")
async def list_segments(
    question: Annotated[SegmentQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> SegmentCollection:
    """List segments with their condition as GeoJSON."""
    values = question.box_values() | {
        "grades": [grade.value for grade in question.grade] or None,
        "seen": question.seen,
        "limit": question.limit + 1,
    }
    records = await fetch_all(connection, _LIST, values)
    at = _now()
    features = [feature_of(record, rules=held.condition, at=at) for record in records[: question.limit]]
    return SegmentCollection(features=features, is_complete=len(records) <= question.limit)


@router.get("/segments/{segment_id}")
async def get_segment(
    segment_id: SegmentId,
    question: Annotated[DetailQuestion, Query()],
    connection: DatabaseDep,
    held: ResourcesDep,
    scope: ScopeDep,
) -> SegmentDetail:
    """Get one segment with its history, findings, looks and usual passes."""
    values = {"id": segment_id, "by": question.by}
    record = await fetch_one(connection, _ONE, values)
    if record is None:
        raise not_found(f"segment {segment_id}")
    at = _now()
    return detail_of(
        record,
        history=await fetch_all(connection, _HISTORY, values),
        found=await fetch_all(connection, _FOUND, values | scope.values()),
        surveys=await fetch_all(connection, _SURVEYS, values),
        passes=(await _passes(connection, [segment_id], at=at)).get(segment_id, []),
        rules=held.condition,
        catalogue=held.catalogue,
        at=at,
    )


@router.get("/condition/summary")
async def get_condition_summary(connection: DatabaseDep, held: ResourcesDep) -> ConditionSummary:
    """Get the condition of the network as a whole."""
    records = await fetch_all(connection, _SUMMARY, {"before": _now() - held.condition.survey.stale_after})
    return summary_of(records, stale_after_days=held.condition.survey.stale_after_days)


@router.get("/condition/worst")
async def list_worst_segments(
    question: Annotated[ListQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> WorstSegments:
    """List segments, the worst first; only those of which enough was seen."""
    records = await fetch_all(connection, _WORST, question.box_values() | {"limit": question.limit})
    at = _now()
    items = [SegmentItem.model_validate(item_values(record, rules=held.condition, at=at)) for record in records]
    return WorstSegments(items=items)


@router.get("/condition/stale")
async def list_stale_segments(
    question: Annotated[StaleQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> StaleSegments:
    """List segments that nobody looked at for long, with the passes that would refresh them."""
    at, survey = _now(), held.condition.survey
    values = question.box_values() | {
        "before": at - survey.stale_after,
        "reachable": question.reachable,
        "limit": question.limit,
    }
    records = await fetch_all(connection, _STALE, values | _usual(at))
    passes = await _passes(connection, [record["id"] for record in records], at=at)
    items = [
        StaleItem.model_validate(
            item_values(record, rules=held.condition, at=at)
            | {"passes": usual_passes(passes.get(record["id"], []), at=at)},
            from_attributes=True,
        )
        for record in records
    ]
    return StaleSegments(stale_after_days=survey.stale_after_days, items=items)


def summary_of(records: list[Record], *, stale_after_days: int) -> ConditionSummary:
    """Sum up rows by grade."""
    known_km = sum(record["length_km"] for record in records if record["grade"] != Grade.UNKNOWN)
    by_grade = {record["grade"]: record for record in records}
    none: Record = {"segments": 0, "length_km": 0.0}
    return ConditionSummary(
        segments=sum(record["segments"] for record in records),
        surveyed_segments=sum(record["surveyed_segments"] for record in records),
        length_km=sum(record["length_km"] for record in records),
        surveyed_length_km=sum(record["surveyed_length_km"] for record in records),
        stale_after_days=stale_after_days,
        stale_segments=sum(record["stale_segments"] for record in records),
        pci_estimate=sum(record["weighted"] for record in records) / known_km if known_km else None,
        grades={grade: GradeShare.model_validate(by_grade.get(grade, none)) for grade in Grade},
    )


async def _passes(connection: Database, segment_ids: list[str], *, at: datetime) -> dict[str, list[Record]]:
    """Usual passes by segment."""
    passes: dict[str, list[Record]] = {}
    for record in await fetch_all(connection, _PASSES, {"ids": segment_ids} | _usual(at)):
        passes.setdefault(record["segment_id"], []).append(record)
    return passes


def _usual(at: datetime) -> Record:
    return {"usual_since": at - timedelta(days=USUAL_DAYS)}


def _now() -> datetime:
    return datetime.now(UTC)
