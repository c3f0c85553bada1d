"""The layers of the map: which there are for who asks, and each one as it is or was at a time."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from cloud.api.actors import ActorDep, IdentityDep, ScopeDep, needs
from cloud.api.deps import BoxText, Question, ResourcesDep, parse_bbox
from cloud.db.value import fetch_value
from cloud.findings.catalogue import LocalName
from cloud.findings.model import Severity
from cloud.map import LAYERS
from cloud.map.layer import MOST, Drawn, Glance, Layer
from cloud.people.permissions import Permission

router = APIRouter(tags=["map"])


class LayerView(BaseModel):
    """A layer that who asks may see, and how fresh it is."""

    id: str
    newest_at: datetime | None
    """Of the newest that it knows; none: it knows nothing yet."""
    is_fresh: bool
    from_zoom: float
    """From farther away it draws nothing."""
    has_past: bool
    """Whether it can be drawn as it was at a time; else it is drawn as it is."""


class LayerList(BaseModel):
    """The layers, the lowest first; what who asks may not see is not named."""

    at: datetime
    """The server's time."""
    layers: list[LayerView]


class LayerQuestion(Question):
    """Which part of the map, how large, and as of when; without a time as it is now."""

    bbox: BoxText
    zoom: Annotated[float, Field(ge=0, le=24)]
    at: AwareDatetime | None = None


class LayerShape(BaseModel):
    """A place, line or area, lon before lat."""

    type: Literal["Point", "LineString", "Polygon"]
    coordinates: list[Any]


class LayerProperties(BaseModel):
    """Which sign of its layer a thing gets, and what is said of it."""

    id: str
    kind: str
    state: str | None
    severity: Severity | None
    title: LocalName | None
    name: str | None
    at: datetime | None
    is_stale: bool
    value: float | None
    count: int | None
    heading_deg: float | None


class LayerFeature(BaseModel):
    """One thing on the map."""

    type: Literal["Feature"] = "Feature"
    geometry: LayerShape
    properties: LayerProperties


class LayerFeatures(BaseModel):
    """What a layer draws; `is_complete` is false when there is more than can be sent, or it is seen from too far."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[LayerFeature]
    is_complete: bool


@router.get("/map/layers", dependencies=[needs(Permission.SEE)])
def list_layers(held: ResourcesDep, identity: IdentityDep, scope: ScopeDep) -> LayerList:
    """List the layers of the map that there are for who asks, each with its freshness."""
    at = datetime.now(UTC)
    values = {"city": held.city} | scope.values()
    views: list[LayerView] = []
    with held.thread_pool.connection() as connection:
        for layer in (layer for layer in LAYERS if layer.permission in identity.permissions):
            newest_at: datetime | None = fetch_value(connection, layer.newest, values)
            if newest_at is not None or not layer.is_only_while_known:
                views.append(_view_of(layer, newest_at, at=at))
    return LayerList(at=at, layers=views)


def _view_of(layer: Layer, newest_at: datetime | None, *, at: datetime) -> LayerView:
    return LayerView(
        id=layer.id,
        newest_at=newest_at,
        is_fresh=newest_at is not None and at - newest_at <= layer.fresh_for,
        from_zoom=layer.from_zoom,
        has_past=layer.has_past,
    )


def _route_of(layer: Layer) -> Callable[..., Response]:
    def get_map_layer(
        question: Annotated[LayerQuestion, Query()], held: ResourcesDep, actor: ActorDep, scope: ScopeDep
    ) -> Response:
        """Draw a layer of the map."""
        if question.zoom < layer.from_zoom:
            return _answer([], is_complete=False)
        now = datetime.now(UTC)
        at = now if question.at is None else min(question.at, now)
        with held.thread_pool.connection() as connection:
            glance = Glance(
                connection=connection,
                city=held.city,
                actor=actor,
                scope=scope,
                condition=held.condition,
                kinds=held.kinds,
                travel=held.travel,
                zone=held.handling.working_calendar.zone,
                zoom=question.zoom,
                at=at,
                is_past=at < now,
                **asdict(parse_bbox(question.bbox)),
            )
            drawn = layer.draw(glance)
        return _answer(drawn[:MOST], is_complete=len(drawn) <= MOST)

    return get_map_layer


for _layer in LAYERS:
    router.add_api_route(
        f"/map/layers/{_layer.id}",
        _route_of(_layer),
        response_model=LayerFeatures,
        dependencies=[needs(_layer.permission)],
        summary=f"Get Map Layer {_layer.id}",
    )


def _answer(drawn: Any, *, is_complete: bool) -> Response:  # noqa: ANN401
    """Rows of our own making: to check each against the model would take longer than to fetch them."""
    collection = {"type": "FeatureCollection", "features": [_feature(one) for one in drawn], "is_complete": is_complete}
    return Response(
        json.dumps(collection, separators=(",", ":"), default=datetime.isoformat), media_type="application/json"
    )


def _feature(drawn: Drawn) -> dict[str, Any]:
    properties = {name: getattr(drawn, name) for name in LayerProperties.model_fields}
    properties["title"] = drawn.title and drawn.title.model_dump()
    geometry = {"type": drawn.shape, "coordinates": drawn.coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
