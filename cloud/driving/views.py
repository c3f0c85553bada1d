"""Incidents, their record, and scores, as they are shown."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from cloud.people.scope import SCOPE_PLACE
from cloud.scenarios.safe_driving.review import COUNTED, Review, ReviewState, reviews_of

_COLUMNS: Final = """
SELECT f.id, f.device, f.kind, f.from_at, f.to_at, f.lon, f.lat, f.peak_mps2, f.speed_mps, f.limit_mps, f.severity,
    f.sensor, f.state, f.version, f.objection, f.objected_at, r.name AS road
"""
_FROM: Final = """
FROM driving_incidents f
LEFT JOIN segments g ON g.id = f.segment_id LEFT JOIN roads r ON r.id = g.road_id
WHERE f.city = %(city)s AND
"""
_PAGE: Final = """
AND (%(state)s::text IS NULL OR f.state = %(state)s) AND (%(kind)s::text IS NULL OR f.kind = %(kind)s)
AND (%(device)s::text IS NULL OR f.device = %(device)s)
AND (%(before_at)s::timestamptz IS NULL OR (f.from_at, f.id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY f.from_at DESC, f.id DESC LIMIT %(limit)s
"""
LIST: Final = _COLUMNS + _FROM + SCOPE_PLACE + _PAGE
# The bus's own sheet, and what a terminal brought of its alarm: each of them a sheet of one picture.
_DETAILS: Final = """
, f.evidence, ARRAY(SELECT jsonb_build_object('columns', c.columns, 'taken_at', c.taken_at, 'sha256', c.sha256,
        'width_px', c.width_px, 'height_px', c.height_px, 'is_of_terminal', c.is_of_terminal,
        'is_here', EXISTS (SELECT FROM pictures p JOIN driving_pictures d USING (sha256)
            WHERE p.sha256 = c.sha256 AND p.received_at IS NOT NULL AND p.erased_at IS NULL
                AND d.city = f.city AND d.device = f.device))
    FROM (
        SELECT '' AS name, (f.clip -> 'columns')::int AS columns, f.clip -> 'taken_at' AS taken_at,
            f.clip -> 'sheet' ->> 'sha256' AS sha256, (f.clip -> 'sheet' -> 'width_px')::int AS width_px,
            (f.clip -> 'sheet' -> 'height_px')::int AS height_px, false AS is_of_terminal
        WHERE f.clip IS NOT NULL
        UNION ALL
        SELECT a.name, 1, jsonb_build_array(a.alarm_at), a.sha256, p.width_px, p.height_px, true
        FROM jt808_attachments a JOIN pictures p ON p.sha256 = a.sha256
        WHERE a.city = f.city AND a.device = f.device AND a.kind = f.kind AND a.alarm_at BETWEEN f.from_at AND f.to_at
    ) c ORDER BY c.name) AS clips
"""
ONE: Final = _COLUMNS + _DETAILS + _FROM + SCOPE_PLACE + "AND f.id = %(id)s"
_OF_DRIVER: Final = """
EXISTS (SELECT FROM driver_shifts s WHERE s.driver = %(driver)s AND s.city = f.city AND s.device = f.device
    AND f.from_at >= s.from_at AND f.from_at < s.to_at)
"""
MINE: Final = _COLUMNS + _FROM + _OF_DRIVER + _PAGE
MY_ONE: Final = _COLUMNS + _DETAILS + _FROM + _OF_DRIVER + "AND f.id = %(id)s"
LOG: Final = """
SELECT at, CASE WHEN action <> 'object' THEN actor END AS actor, action, from_state, to_state, reason
FROM driving_log WHERE incident_id = %(id)s ORDER BY id
"""
BY_BUS: Final = """
SELECT e.device AS name, sum(e.way_m) / 1000 AS way_km, sum(e.moving_s) / 3600 AS moving_h,
    (SELECT count(*) FROM driving_incidents i WHERE i.city = e.city AND i.device = e.device
        AND i.from_at >= %(since)s AND i.state = ANY(%(counted)s))::int AS incidents
FROM driving_exposure e WHERE e.city = %(city)s AND e.hour >= %(since)s
GROUP BY e.city, e.device ORDER BY e.device
"""
# An hour belongs to a shift by the part of it that lies inside; what was driven in it is taken as even. Reviews count
# as they stood in the end: who reviews one now must not see whose score it changes.
BY_DRIVER: Final = """
SELECT s.driver AS name, sum(e.way_m * p.part) / 1000 AS way_km, sum(e.moving_s * p.part) / 3600 AS moving_h,
    (SELECT count(*) FROM driving_incidents i JOIN driver_shifts t ON t.city = i.city AND t.device = i.device
        AND i.from_at >= t.from_at AND i.from_at < t.to_at
        WHERE t.driver = s.driver AND i.from_at >= %(since)s AND i.from_at < %(until)s
            AND coalesce((SELECT l.from_state FROM driving_log l WHERE l.incident_id = i.id AND l.at >= %(until)s
                ORDER BY l.id LIMIT 1), i.state) = ANY(%(counted)s))::int AS incidents
FROM driver_shifts s
JOIN driving_exposure e ON e.city = s.city AND e.device = s.device
    AND e.hour < s.to_at AND e.hour + interval '1 hour' > s.from_at,
LATERAL (SELECT extract(epoch FROM least(e.hour + interval '1 hour', s.to_at) - greatest(e.hour, s.from_at))::float8
    / 3600 AS part) p
WHERE s.city = %(city)s AND e.hour >= %(since)s AND e.hour < %(until)s
    AND (%(driver)s::text IS NULL OR s.driver = %(driver)s)
GROUP BY s.driver ORDER BY s.driver
"""


class IncidentView(BaseModel):
    """An event at the wheel, and where its review stands; not who drove, which is for looks and for the driver."""

    id: UUID
    device: str
    kind: str
    from_at: datetime
    to_at: datetime
    lon: float
    lat: float
    peak_mps2: float
    speed_mps: float
    limit_mps: float | None
    severity: Annotated[int, Field(ge=1, le=3)]
    sensor: str | None
    road: str | None
    state: ReviewState
    version: int
    objection: str | None
    objected_at: datetime | None


class IncidentPage(BaseModel):
    """A page, newest first; `next` is the cursor of the next page."""

    items: list[IncidentView]
    next: str | None


class MotionView(BaseModel):
    """One moment of an incident's evidence."""

    at: datetime
    speed_mps: float | None = None
    forward_mps2: float | None = None
    right_mps2: float | None = None
    limit_mps: float | None = None


class LogLine(BaseModel):
    """What somebody did with it; a driver who objects is not named."""

    at: datetime
    actor: str | None
    action: str
    from_state: str | None
    to_state: str | None
    reason: str | None


class ClipView(BaseModel):
    """Seconds of the road around it: a sheet of pictures row by row, or one picture of a terminal's alarm.

    It is here once it has come, and until it goes.
    """

    columns: int
    taken_at: list[datetime]
    width_px: int
    height_px: int
    is_of_terminal: bool
    is_here: bool


class IncidentDetail(IncidentView):
    """An incident with its evidence, its record and what may be done with it."""

    evidence: list[MotionView]
    clips: list[ClipView]
    log: list[LogLine]
    reviews: list[Review]


class ScoreView(BaseModel):
    """Incidents per 100 km with their 90 % interval; within a group nobody can be told from another."""

    name: str
    incidents: int
    way_km: float
    moving_h: float
    per_100_km: float
    low: float
    high: float
    group: int


class ScoreList(BaseModel):
    """Scores of a time, by group; who drove too little is named and not scored."""

    by: Literal["bus", "driver"]
    days: int
    until_at: datetime
    level: float
    items: list[ScoreView]
    too_little: list[str]


def detail_of(record: dict[str, Any], log: list[dict[str, Any]], *, is_reviewer: bool) -> IncidentDetail:
    """Put an incident together."""
    reviews = reviews_of(ReviewState(record["state"])) if is_reviewer else ()
    return IncidentDetail.model_validate(record | {"log": log, "reviews": list(reviews)})


COUNTED_STATES: Final = sorted(COUNTED)
