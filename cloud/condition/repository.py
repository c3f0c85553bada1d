"""Conditions in the database, as the worker writes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from cloud.condition.estimate import Damage, Estimate, Surveyed
from cloud.condition.evidence import CoveredStretch
from cloud.condition.rules import ConditionRules
from cloud.condition.survey import SurveyedPart
from cloud.condition.tci import FacilityIndex
from cloud.roads.matching import Matched
from cloud.roads.model import Surface

_NEWEST: Final = 100  # looks of a segment that count; more change nothing

_FORGET_SURVEYS: Final = """
WITH gone AS (
    DELETE FROM segment_surveys WHERE city = %s AND device = %s AND coverage_id = %s RETURNING segment_id)
INSERT INTO segments_to_assess SELECT DISTINCT segment_id FROM gone ON CONFLICT DO NOTHING
"""
_ADD_SURVEY: Final = """
INSERT INTO segment_surveys (segment_id, city, device, coverage_id, from_at, to_at, from_m, to_m, direction, left_m,
    right_m, usable_share)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_TO_ASSESS: Final = "INSERT INTO segments_to_assess (segment_id) VALUES (%s) ON CONFLICT DO NOTHING"
_MOVE_FINDINGS: Final = """
WITH placed AS (
    SELECT * FROM unnest(%(findings)s::uuid[], %(segments)s::text[], %(along_m)s::float8[])
        AS p(finding_id, segment_id, along_m)
), left_behind AS (
    DELETE FROM segment_findings f WHERE f.finding_id = ANY(%(ids)s)
        AND NOT EXISTS (SELECT FROM placed p WHERE p.finding_id = f.finding_id) RETURNING f.segment_id
), before AS (
    SELECT f.segment_id FROM segment_findings f JOIN placed USING (finding_id)
), written AS (
    INSERT INTO segment_findings (finding_id, segment_id, along_m)
    SELECT finding_id, segment_id, along_m FROM placed
    ON CONFLICT ON CONSTRAINT segment_findings_pkey
        DO UPDATE SET segment_id = EXCLUDED.segment_id, along_m = EXCLUDED.along_m
)
INSERT INTO segments_to_assess
SELECT segment_id FROM left_behind UNION SELECT segment_id FROM before UNION SELECT segment_id FROM placed
ON CONFLICT DO NOTHING
"""
_EXPIRED: Final = """
INSERT INTO segments_to_assess SELECT segment_id FROM segment_conditions WHERE assess_again_at <= %s
ON CONFLICT DO NOTHING
"""
_TAKE: Final = """
DELETE FROM segments_to_assess WHERE segment_id IN (SELECT segment_id FROM segments_to_assess ORDER BY 1 LIMIT %s)
RETURNING segment_id
"""
_SEGMENTS: Final = """
SELECT s.id, s.length_m, r.kind, r.lanes, r.width_m AS measured_m, r.surface
FROM segments s JOIN roads r ON r.id = s.road_id WHERE s.id = ANY(%s) ORDER BY s.id
"""
_SURVEYS: Final = """
SELECT n.segment_id, s.device, s.from_at, s.to_at, s.from_m, s.to_m, s.direction, s.left_m, s.right_m, s.usable_share
FROM unnest(%(ids)s::text[]) AS n(segment_id)
CROSS JOIN LATERAL (
    SELECT * FROM segment_surveys s WHERE s.segment_id = n.segment_id AND s.to_at > %(since)s
    ORDER BY s.to_at DESC, s.coverage_id LIMIT %(newest)s
) s ORDER BY n.segment_id, s.to_at
"""
_DAMAGES: Final = """
SELECT sf.segment_id, f.class_code, f.severity, f.existence, f.state = 'open' AS is_open, f.length_m, f.width_m,
    f.area_m2
FROM segment_findings sf JOIN findings f ON f.id = sf.finding_id
WHERE sf.segment_id = ANY(%s) AND f.state <> 'rejected' ORDER BY f.id
"""
_THINGS: Final = """
SELECT segment_id, count(*) FROM inventory.things WHERE segment_id = ANY(%s) AND state <> 'removed' GROUP BY segment_id
"""
_DROP_OLD: Final = "DELETE FROM segment_surveys WHERE segment_id = ANY(%s) AND to_at <= %s"
_WRITE: Final = """
INSERT INTO segment_conditions AS c (segment_id, assessed_at, pci_estimate, pci_low, pci_high, damage_ratio_percent,
    surveyed_share, looks, findings, last_looked_at, assess_again_at, tci_estimate, tci_low, things)
VALUES (%(id)s, %(at)s, %(pci)s, %(low)s, %(high)s, %(ratio)s, %(share)s, %(looks)s, %(findings)s, %(last)s, %(again)s,
    %(tci)s, %(tci_low)s, %(things)s)
ON CONFLICT ON CONSTRAINT segment_conditions_pkey DO UPDATE SET
    assessed_at = EXCLUDED.assessed_at, pci_estimate = EXCLUDED.pci_estimate, pci_low = EXCLUDED.pci_low,
    pci_high = EXCLUDED.pci_high, damage_ratio_percent = EXCLUDED.damage_ratio_percent,
    surveyed_share = EXCLUDED.surveyed_share, looks = EXCLUDED.looks, findings = EXCLUDED.findings,
    last_looked_at = greatest(c.last_looked_at, EXCLUDED.last_looked_at), assess_again_at = EXCLUDED.assess_again_at,
    tci_estimate = EXCLUDED.tci_estimate, tci_low = EXCLUDED.tci_low, things = EXCLUDED.things
"""
_WRITE_HISTORY: Final = """
INSERT INTO segment_history (segment_id, day, pci_estimate, pci_low, pci_high, surveyed_share, findings, last_looked_at)
SELECT segment_id, %(day)s, pci_estimate, pci_low, pci_high, surveyed_share, findings, last_looked_at
FROM segment_conditions WHERE segment_id = %(id)s
ON CONFLICT ON CONSTRAINT segment_history_pkey DO UPDATE SET
    pci_estimate = EXCLUDED.pci_estimate, pci_low = EXCLUDED.pci_low, pci_high = EXCLUDED.pci_high,
    surveyed_share = EXCLUDED.surveyed_share, findings = EXCLUDED.findings, last_looked_at = EXCLUDED.last_looked_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roadbed:
    """A segment's surface."""

    id: str
    length_m: float
    kind: str
    lanes: int | None
    measured_m: float | None
    surface: Surface

    def width_m(self, rules: ConditionRules) -> float:
        """Width of the carriageway."""
        return rules.road.width_m(kind=self.kind, lanes=self.lanes, measured_m=self.measured_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """A segment's condition."""

    segment_id: str
    at: datetime
    estimate: Estimate | None
    facilities: FacilityIndex | None  # none: nothing is known to stand there
    things: int
    surveyed: Surveyed
    findings: int
    last_looked_at: datetime | None
    assess_again_at: datetime | None


def replace_surveys(
    connection: Connection[Any], stretch: CoveredStretch, parts: Mapping[str, Sequence[SurveyedPart]]
) -> None:
    """Note on which segments a stretch lies; again it changes nothing."""
    key = (stretch.city, stretch.device, stretch.id)
    rows = [(segment_id, *key, *_values(part)) for segment_id, found in parts.items() for part in found]
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_SURVEYS, key)
        cursor.executemany(_ADD_SURVEY, rows)
        cursor.executemany(_TO_ASSESS, [(segment_id,) for segment_id in parts])


def replace_places(connection: Connection[Any], finding_ids: Sequence[UUID], placed: Mapping[UUID, Matched]) -> None:
    """Note on which segments findings lie; those that are nowhere are taken off theirs."""
    values = {
        "ids": list(finding_ids),
        "findings": list(placed),
        "segments": [matched.segment_id for matched in placed.values()],
        "along_m": [matched.along_m for matched in placed.values()],
    }
    connection.execute(_MOVE_FINDINGS, values)


def queue_expired(connection: Connection[Any], *, at: datetime) -> None:
    """Queue segments whose looks have become too old."""
    connection.execute(_EXPIRED, (at,))


def take_segments(connection: Connection[Any], *, limit: int) -> list[str]:
    """Take segments that are to be assessed."""
    return sorted(segment_id for (segment_id,) in connection.execute(_TAKE, (limit,)).fetchall())


def read_roadbeds(connection: Connection[Any], segment_ids: Sequence[str]) -> list[Roadbed]:
    """Surfaces of segments."""
    with connection.cursor(row_factory=class_row(Roadbed)) as cursor:
        return cursor.execute(_SEGMENTS, (list(segment_ids),)).fetchall()


def read_surveys(
    connection: Connection[Any], segment_ids: Sequence[str], *, since: datetime
) -> dict[str, list[SurveyedPart]]:
    """Newest looks at segments, oldest first; older ones are deleted."""
    connection.execute(_DROP_OLD, (list(segment_ids), since))
    values = {"ids": list(segment_ids), "since": since, "newest": _NEWEST}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SURVEYS, values).fetchall()
    return _grouped((row.pop("segment_id"), SurveyedPart(**row)) for row in rows)


def read_damages(connection: Connection[Any], segment_ids: Sequence[str]) -> dict[str, list[Damage]]:
    """Findings on segments."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_DAMAGES, (list(segment_ids),)).fetchall()
    return _grouped((row.pop("segment_id"), Damage(**row)) for row in rows)


def count_things(connection: Connection[Any], segment_ids: Sequence[str]) -> dict[str, int]:
    """Known street furniture on segments."""
    return dict(connection.execute(_THINGS, (list(segment_ids),)).fetchall())


def write_conditions(connection: Connection[Any], assessed: Sequence[Assessed], *, rules: ConditionRules) -> None:
    """Write conditions, and the line of their day."""
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, [_row(each) for each in assessed])
        days = [{"id": each.segment_id, "day": rules.local(each.at).date()} for each in assessed]
        cursor.executemany(_WRITE_HISTORY, days)


def _values(part: SurveyedPart) -> tuple[object, ...]:
    where = (part.from_m, part.to_m, part.direction, part.left_m, part.right_m)
    return (part.from_at, part.to_at, *where, part.usable_share)


def _row(assessed: Assessed) -> dict[str, object]:
    estimate = assessed.estimate
    return {
        "id": assessed.segment_id,
        "at": assessed.at,
        "pci": estimate and estimate.pci,
        "low": estimate and estimate.low,
        "high": estimate and estimate.high,
        "ratio": estimate and estimate.damage_ratio_percent,
        "share": assessed.surveyed.share,
        "looks": assessed.surveyed.looks,
        "findings": assessed.findings,
        "last": assessed.last_looked_at,
        "again": assessed.assess_again_at,
        "tci": assessed.facilities and assessed.facilities.tci,
        "tci_low": assessed.facilities and assessed.facilities.low,
        "things": assessed.things,
    }


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for segment_id, value in pairs:
        groups.setdefault(segment_id, []).append(value)
    return groups
