"""The condition of segments as it is shown."""

from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from cloud.condition.pci import Grade, grade_of
from cloud.condition.rules import ConditionRules
from cloud.condition.timetable import next_expected
from cloud.findings.catalogue import Catalogue, LocalName

Record = dict[str, Any]

COLUMNS: Final = """
SELECT s.id, r.name, r.kind, s.length_m, s.line, s.retired_at, r.lanes, r.width_m, r.surface, c.assessed_at,
    c.pci_estimate, c.pci_low, c.pci_high, c.damage_ratio_percent, coalesce(c.surveyed_share, 0) AS surveyed_share,
    coalesce(c.looks, 0) AS looks, coalesce(c.findings, 0) AS findings, c.last_looked_at,
    c.tci_estimate, c.tci_low, coalesce(c.things, 0) AS things
FROM segments s JOIN roads r ON r.id = s.road_id LEFT JOIN segment_conditions c ON c.segment_id = s.id
"""
PRESENT: Final = """
WHERE s.retired_at IS NULL AND (%(min_lon)s::float8 IS NULL
    OR box(point(s.min_lon, s.min_lat), point(s.max_lon, s.max_lat))
        && box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s)))
"""


class Condition(BaseModel):
    """A segment's condition: an estimate, null while too little was seen, with the interval that holds 90 %."""

    name: str | None
    kind: str
    length_m: float
    pci_estimate: float | None
    pci_low: float | None
    pci_high: float | None
    grade: Grade
    surveyed_share: float
    last_looked_at: datetime | None
    findings: int
    is_stale: bool
    tci_estimate: float | None
    """Index of traffic facilities, null where no street furniture is known; fences and greenery count as whole."""
    tci_low: float | None
    """If everything that is suspected were so."""
    things: int
    """Known street furniture."""


class SegmentLine(BaseModel):
    """A line, lon before lat."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[tuple[float, float]]


class SegmentFeature(BaseModel):
    """One segment as a GeoJSON feature."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: SegmentLine
    properties: Condition


class SegmentCollection(BaseModel):
    """Segments as GeoJSON; `is_complete` is false when there are more than were asked for."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[SegmentFeature]
    is_complete: bool


class SegmentItem(Condition):
    """A segment in a list, with its middle."""

    id: str
    lon: float
    lat: float


class UsualPass(BaseModel):
    """A bus that passes at some hour of the week, and when it is expected again."""

    device: str
    passes: int
    last_at: datetime
    next_expected_at: datetime


class StaleItem(SegmentItem):
    """A segment that nobody looked at for long, with the buses that would refresh it, the next one first."""

    passes: list[UsualPass]


class WorstSegments(BaseModel):
    """Segments in the worst condition first."""

    items: list[SegmentItem]


class StaleSegments(BaseModel):
    """Segments that were looked at the longest ago first; never looked at before all others."""

    stale_after_days: int
    items: list[StaleItem]


class HistoryLine(BaseModel):
    """The condition at the end of a local day."""

    day: date
    pci_estimate: float | None
    pci_low: float | None
    pci_high: float | None
    surveyed_share: float
    findings: int
    last_looked_at: datetime | None


class FoundDamage(BaseModel):
    """A finding on a segment."""

    id: str
    class_code: str
    class_name: LocalName
    severity: str
    existence: float
    state: str
    along_m: float
    length_m: float | None
    width_m: float | None
    area_m2: float | None
    lon: float
    lat: float
    last_seen_at: datetime


class SurveyLine(BaseModel):
    """A part of the segment that a bus looked at; direction 1 is along the segment's line."""

    device: str
    from_at: datetime
    to_at: datetime
    from_m: float
    to_m: float
    direction: int
    usable_share: float


class ConditionDetail(Condition):
    """A segment's condition with what it follows from."""

    lanes: int | None
    width_m: float
    surface: str
    looks: float
    damage_ratio_percent: float | None
    assessed_at: datetime | None
    retired_at: datetime | None
    history: list[HistoryLine]
    found: list[FoundDamage]
    surveys: list[SurveyLine]
    passes: list[UsualPass]


class SegmentDetail(BaseModel):
    """One segment with what its condition follows from."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: SegmentLine
    properties: ConditionDetail


class GradeShare(BaseModel):
    """How much of the network is in a grade."""

    segments: int
    length_km: float


class ConditionSummary(BaseModel):
    """The network as a whole; the index is the mean of the estimates, by length."""

    segments: int
    surveyed_segments: int
    length_km: float
    surveyed_length_km: float
    stale_after_days: int
    stale_segments: int
    pci_estimate: float | None
    grades: dict[Grade, GradeShare]


def condition_values(record: Record, *, rules: ConditionRules, at: datetime) -> Record:
    """Values of a Condition from a row of COLUMNS."""
    looked_at: datetime | None = record["last_looked_at"]
    return record | {
        "grade": grade_of(record["pci_estimate"]),
        "is_stale": looked_at is None or at - looked_at > rules.survey.stale_after,
    }


def feature_of(record: Record, *, rules: ConditionRules, at: datetime) -> SegmentFeature:
    """A row of COLUMNS as a feature."""
    return SegmentFeature(
        id=record["id"],
        geometry=SegmentLine(coordinates=record["line"]),
        properties=Condition.model_validate(condition_values(record, rules=rules, at=at)),
    )


def item_values(record: Record, *, rules: ConditionRules, at: datetime) -> Record:
    """Values of a SegmentItem from a row of COLUMNS."""
    lon, lat = middle_of(record["line"])
    return condition_values(record, rules=rules, at=at) | {"lon": lon, "lat": lat}


def detail_of(
    record: Record,
    *,
    history: list[Record],
    found: list[Record],
    surveys: list[Record],
    passes: list[Record],
    rules: ConditionRules,
    catalogue: Catalogue,
    at: datetime,
) -> SegmentDetail:
    """A row of COLUMNS with all that belongs to it."""
    measured_m = record["width_m"]
    values = condition_values(record, rules=rules, at=at) | {
        "width_m": rules.road.width_m(kind=record["kind"], lanes=record["lanes"], measured_m=measured_m),
        "history": history,
        "found": [damage | {"class_name": catalogue.name_of(damage["class_code"])} for damage in found],
        "surveys": surveys,
        "passes": usual_passes(passes, at=at),
    }
    return SegmentDetail(
        id=record["id"],
        geometry=SegmentLine(coordinates=record["line"]),
        properties=ConditionDetail.model_validate(values, from_attributes=True),
    )


def usual_passes(records: list[Record], *, at: datetime) -> list[UsualPass]:
    """Passes with their next time, the next one first."""
    passes = [
        UsualPass(
            device=record["device"],
            passes=record["passes"],
            last_at=record["last_at"],
            next_expected_at=next_expected(record["last_at"], at=at),
        )
        for record in records
    ]
    return sorted(passes, key=lambda usual: usual.next_expected_at)


def middle_of(line: list[list[float]]) -> tuple[float, float]:
    """Middle of the bounding box of a line, lon and lat: near enough to show a segment of 100 m."""
    lons, lats = zip(*line, strict=True)
    return (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
