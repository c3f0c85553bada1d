"""Observations: to trace what a bus saw by its id."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cloud.api.actors import ScopeDep, needs
from cloud.api.deps import DatabaseDep, Question, fetch_all, fetch_one
from cloud.api.problems import not_found
from cloud.people.permissions import Permission
from wire.envelope import time_of_id
from wire.units import EventId

router = APIRouter(tags=["observations"], dependencies=[needs(Permission.SEE)])

_COLUMNS: Final = """
SELECT o.id, o.device, o.observed_at, o.received_at, o.class_code, o.confidence, o.lon, o.lat, f.finding_id
FROM observations o
LEFT JOIN finding_observations f ON f.city = o.city AND f.device = o.device AND f.observation_id = o.id
"""
_ONE: Final = _COLUMNS + "WHERE o.id_at = %(id_at)s AND o.id = %(id)s"
_LIST: Final = (
    _COLUMNS
    + """
WHERE (%(id)s::uuid IS NULL OR (o.id_at, o.id) > (%(id_at)s::timestamptz, %(id)s::uuid))
    AND (%(scope_areas)s::polygon[] IS NULL OR point(o.lon, o.lat) <@ ANY(%(scope_areas)s::polygon[]))
ORDER BY o.id_at, o.id LIMIT %(limit)s
"""
)


class ObservationItem(BaseModel):
    """What one pass saw; the finding is there once the worker has taken it into account."""

    id: UUID
    device: str
    observed_at: datetime
    received_at: datetime
    class_code: str
    confidence: float
    lon: float
    lat: float
    finding_id: UUID | None


class ObservationPage(BaseModel):
    """A page of observations; `next` is the cursor of the next page."""

    items: list[ObservationItem]
    next: str | None


class ObservationQuestion(Question):
    """Which observations; in the order of their ids, which is the order in which they were made."""

    after: Annotated[EventId | None, Field(description="id of the last observation that is known already")] = None
    limit: Annotated[int, Field(ge=1, le=5000)] = 500


@router.get("/observations")
async def list_observations(
    question: Annotated[ObservationQuestion, Query()], connection: DatabaseDep, scope: ScopeDep
) -> ObservationPage:
    """List observations, oldest first."""
    after_at = time_of_id(question.after) if question.after else None
    values = {"id": question.after, "id_at": after_at, "limit": question.limit + 1}
    records = await fetch_all(connection, _LIST, values | scope.values())
    items = [ObservationItem.model_validate(record) for record in records[: question.limit]]
    return ObservationPage(items=items, next=str(items[-1].id) if len(records) > question.limit else None)


@router.get("/observations/{observation_id}")
async def get_observation(observation_id: EventId, connection: DatabaseDep, scope: ScopeDep) -> ObservationItem:
    """Get one observation."""
    record = await fetch_one(connection, _ONE, {"id": observation_id, "id_at": time_of_id(observation_id)})
    if record is None or not scope.has_place(lon=record["lon"], lat=record["lat"]):
        raise not_found(f"observation {observation_id}")
    return ObservationItem.model_validate(record)
