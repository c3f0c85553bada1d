"""The road network, from which the map is drawn, and where the map begins."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import BoxQuestion, DatabaseDep, fetch_all, fetch_one
from cloud.people.permissions import Permission

router = APIRouter(tags=["roads"], dependencies=[needs(Permission.SEE)])

MAX_ROADS: Final = 20_000
OPENSTREETMAP: Final = "© OpenStreetMap contributors"
_OF_OPENSTREETMAP: Final = "way/"  # how an import names what it took from there

_ROADS: Final = """
SELECT id, name, kind, line FROM roads
WHERE %(min_lon)s::float8 IS NULL OR box(point(min_lon, min_lat), point(max_lon, max_lat))
    && box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s))
ORDER BY id LIMIT %(limit)s
"""
_EXTENT: Final = """
SELECT coalesce(
    (SELECT ARRAY[min(min_lon), min(min_lat), max(max_lon), max(max_lat)] FROM roads HAVING count(*) > 0),
    (SELECT ARRAY[min(lon), min(lat), max(lon), max(lat)] FROM findings HAVING count(*) > 0)) AS bbox
"""


class LineString(BaseModel):
    """A line, lon before lat."""

    type: Literal["LineString"] = "LineString"
    coordinates: list[tuple[float, float]]


class RoadProperties(BaseModel):
    """What a road is."""

    name: str | None
    kind: str


class RoadFeature(BaseModel):
    """One road."""

    type: Literal["Feature"] = "Feature"
    geometry: LineString
    properties: RoadProperties


class RoadCollection(BaseModel):
    """Roads as GeoJSON; `is_complete` is false when there are more than can be sent.

    `attribution` is to be shown wherever they are drawn.
    """

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[RoadFeature]
    is_complete: bool
    attribution: str | None


class Extent(BaseModel):
    """Rectangle minlon, minlat, maxlon, maxlat of all that there is; none when there is nothing."""

    bbox: tuple[float, float, float, float] | None


@router.get("/roads")
async def get_roads(question: Annotated[BoxQuestion, Query()], connection: DatabaseDep) -> RoadCollection:
    """Get the roads that touch a rectangle."""
    records = await fetch_all(connection, _ROADS, question.box_values() | {"limit": MAX_ROADS + 1})
    is_of_openstreetmap = any(record["id"].startswith(_OF_OPENSTREETMAP) for record in records)
    return RoadCollection(
        features=[_feature(record) for record in records[:MAX_ROADS]],
        is_complete=len(records) <= MAX_ROADS,
        attribution=OPENSTREETMAP if is_of_openstreetmap else None,
    )


@router.get("/extent")
async def get_extent(connection: DatabaseDep) -> Extent:
    """Get the rectangle in which the map begins."""
    return Extent.model_validate(await fetch_one(connection, _EXTENT))


def _feature(record: dict[str, Any]) -> RoadFeature:
    return RoadFeature(
        geometry=LineString(coordinates=record["line"]),
        properties=RoadProperties(name=record["name"], kind=record["kind"]),
    )
