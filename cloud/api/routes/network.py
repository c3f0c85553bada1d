"""What each bus and stop tells, by which way and how late, and the gaps in which nobody hears."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cloud.api.actors import needs
from cloud.api.deps import BoxQuestion, DatabaseDep, Question, Record, ResourcesDep, fetch_all, fetch_one
from cloud.condition.views import SegmentLine
from cloud.fleet.heard import LATE_S
from cloud.fleet.network import HourHeard, Station, read_first_hour, read_hours, read_stations
from cloud.people.permissions import Permission

router = APIRouter(tags=["network"], dependencies=[needs(Permission.SEE_NETWORK)])

MOST_SEGMENTS: Final = 20_000
MOST_ROADS: Final = 100

_LENGTHS: Final = """
    coalesce(sum(s.length_m), 0) / 1000 AS length_km,
    coalesce(sum(s.length_m) FILTER (WHERE p.last_at < %(before)s), 0) / 1000 AS silent_km,
    coalesce(sum(s.length_m) FILTER (WHERE p.last_at IS NULL), 0) / 1000 AS never_km
FROM segments s JOIN roads r ON r.id = s.road_id LEFT JOIN segment_last_passes p ON p.segment_id = s.id
WHERE s.retired_at IS NULL
"""
_ALL: Final = "SELECT" + _LENGTHS
_ROADS: Final = (
    "SELECT r.id, r.name, r.kind, max(p.last_at) AS last_passed_at,"
    + _LENGTHS
    + """
GROUP BY r.id HAVING count(*) FILTER (WHERE p.last_at IS NULL OR p.last_at < %(before)s) > 0
ORDER BY silent_km DESC, never_km DESC, r.id LIMIT %(limit)s
"""
)
_SEGMENTS: Final = """
SELECT s.id, r.name, s.length_m, s.line, p.last_at FROM segments s JOIN roads r ON r.id = s.road_id
LEFT JOIN segment_last_passes p ON p.segment_id = s.id
WHERE s.retired_at IS NULL AND (p.last_at IS NULL OR p.last_at < %(before)s) AND (%(min_lon)s::float8 IS NULL
    OR box(point(s.min_lon, s.min_lat), point(s.max_lon, s.max_lat))
        && box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s)))
ORDER BY p.last_at DESC NULLS LAST, s.id LIMIT %(limit)s
"""

Days = Annotated[int, Field(ge=1, le=90, description="how far back, today included")]


class NetworkQuestion(Question):
    """How far back."""

    days: Days = 7


class GapQuestion(BoxQuestion):
    """Where nobody has passed for so many days."""

    days: Days = 7
    limit: Annotated[int, Field(ge=1, le=MOST_SEGMENTS)] = 5000


class NetworkView(BaseModel):
    """Every bus and stop, stops first; `late_s` are the upper bounds of the counts in `late`, the last has none."""

    at: datetime
    since: date
    late_s: list[float]
    stations: list[Station]
    hours: list[HourHeard]
    first_hour: datetime | None
    """In which anybody was heard at all: before it nothing is missing."""


class RoadGap(BaseModel):
    """A road on some of which nobody passed: `silent` where somebody once did, `never` where nobody ever."""

    id: str
    name: str | None
    kind: str
    length_km: float
    silent_km: float
    never_km: float
    last_passed_at: datetime | None


class RoadGaps(BaseModel):
    """How much of the network nobody passed, and the roads on which there is most of it."""

    length_km: float
    silent_km: float
    never_km: float
    items: list[RoadGap]


class GapProperties(BaseModel):
    name: str | None
    length_m: float
    last_passed_at: datetime | None


class GapFeature(BaseModel):
    """A segment on which nobody passed, as a GeoJSON feature."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: SegmentLine
    properties: GapProperties


class GapCollection(BaseModel):
    """Such segments as GeoJSON, those passed last first; `is_complete` is false when there are more."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[GapFeature]
    is_complete: bool


@router.get("/network")
async def get_network(
    question: Annotated[NetworkQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> NetworkView:
    """Tell what each bus and stop told in these days (UTC), and in which hours anybody was heard."""
    at = datetime.now(UTC)
    since = at.date() - timedelta(days=question.days - 1)
    stations = await read_stations(connection, city=held.city, since=since, at=at)
    hours = await read_hours(connection, city=held.city, since=since)
    first_hour = await read_first_hour(connection, city=held.city)
    return NetworkView(at=at, since=since, late_s=list(LATE_S), stations=stations, hours=hours, first_hour=first_hour)


@router.get("/network/roads")
async def get_road_gaps(question: Annotated[NetworkQuestion, Query()], connection: DatabaseDep) -> RoadGaps:
    """Tell on which roads nobody has passed for so many days."""
    values: Record = {"before": _before(question.days), "limit": MOST_ROADS}
    lengths = await fetch_one(connection, _ALL, values) or {}
    return RoadGaps.model_validate({**lengths, "items": await fetch_all(connection, _ROADS, values)})


@router.get("/network/segments")
async def get_segment_gaps(question: Annotated[GapQuestion, Query()], connection: DatabaseDep) -> GapCollection:
    """Get the segments on which nobody has passed for so many days."""
    values = question.box_values() | {"before": _before(question.days), "limit": question.limit + 1}
    records = await fetch_all(connection, _SEGMENTS, values)
    return GapCollection(
        features=[_feature(record) for record in records[: question.limit]],
        is_complete=len(records) <= question.limit,
    )


def _before(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _feature(record: Record) -> GapFeature:
    return GapFeature(
        id=record["id"],
        geometry=SegmentLine(coordinates=record["line"]),
        properties=GapProperties(name=record["name"], length_m=record["length_m"], last_passed_at=record["last_at"]),
    )
