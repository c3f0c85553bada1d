"""A stop with its sensors."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from cloud.api.actors import needs
from cloud.api.deps import DatabaseDep, Question, ResourcesDep, fetch_one
from cloud.api.problems import not_found
from cloud.fleet.measurements import read_newest, read_series
from cloud.people.permissions import Permission
from cloud.scenarios.stop_water.assess import STALE_AFTER

router = APIRouter(tags=["stops"], dependencies=[needs(Permission.SEE)])

_STOP: Final = """
SELECT d.device, s.name, d.presence, d.last_seen_at, d.revoked_at,
    coalesce(d.lon, s.lon) AS lon, coalesce(d.lat, s.lat) AS lat
FROM devices d LEFT JOIN travel_stops s ON s.id = d.device WHERE d.city = %(city)s AND d.device = %(device)s
"""

Device = Annotated[str, Path(max_length=63, pattern=r"^[a-z0-9-]+$")]


class StopQuestion(Question):
    """How far back."""

    hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24


class SeriesPoint(BaseModel):
    """The mean of a step and what it lies between; of sound the mean of its energy."""

    at: datetime
    low: float
    high: float
    mean: float


class SensorView(BaseModel):
    """One quantity of one sensor, in the unit that its name ends in; `is_stale`: its last value says nothing of now."""

    sensor: str
    quantity: str
    at: datetime
    value: float
    is_stale: bool
    is_flooded: bool | None
    points: list[SeriesPoint]


class StopView(BaseModel):
    """A stop, or a bus with sensors; since `revoked_at` it is let in no longer."""

    device: str
    name: str | None
    presence: str | None
    last_seen_at: datetime | None
    revoked_at: datetime | None
    lon: float | None
    lat: float | None
    sensors: list[SensorView]


@router.get("/stops/{device}")
async def get_stop(
    device: Device, question: Annotated[StopQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> StopView:
    """Show a stop and what its sensors measured."""
    stop = await fetch_one(connection, _STOP, {"city": held.city, "device": device})
    if stop is None:
        raise not_found(f"stop {device}")
    at, span = datetime.now(UTC), timedelta(hours=question.hours)
    points = await read_series(connection, city=held.city, device=device, since=at - span, span=span)
    newest = await read_newest(connection, city=held.city, device=device, since=at - span)
    sensors = [
        SensorView(
            **asdict(last),
            is_stale=at - last.at > STALE_AFTER,
            points=[
                SeriesPoint.model_validate(point, from_attributes=True)
                for point in points
                if (point.sensor, point.quantity) == (last.sensor, last.quantity)
            ],
        )
        for last in newest
    ]
    return StopView(**stop, sensors=sensors)
