"""Street furniture: the list for the map, one thing with the reasons, and what a person says of it."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from cloud.api.actors import ActorDep, ScopeDep, needs
from cloud.api.deps import (
    Body,
    BoxQuestion,
    DatabaseDep,
    Question,
    Record,
    Resources,
    ResourcesDep,
    fetch_all,
    fetch_one,
)
from cloud.api.problems import Problem, not_found
from cloud.furniture import decisions, views
from cloud.furniture.features import read_features, within
from cloud.furniture.imports import REFUSED, Imported, import_features
from cloud.furniture.views import ThingCollection, ThingCount, ThingCounts, ThingDetail
from cloud.people.permissions import Permission
from cloud.people.scope import Scope
from cloud.scenarios.street_furniture.assess import ThingState
from wire.units import ClassCode

router = APIRouter(tags=["street furniture"], dependencies=[needs(Permission.SEE)])
judging = APIRouter(tags=["street furniture"], dependencies=[needs(Permission.JUDGE_FINDINGS)])

REFUSED_SHOWN: Final = 200
_ANSWERS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "not for this role"},
    404: {"model": Problem, "description": "there is no such thing"},
}


class ThingQuestion(BoxQuestion):
    """Which things; those that came into the inventory last first."""

    kind: Annotated[tuple[ClassCode, ...], Field(max_length=50)] = ()
    state: Annotated[tuple[ThingState, ...], Field(max_length=10)] = ()
    finding: UUID | None = None
    """The thing that this finding tells a lack of."""
    limit: Annotated[int, Field(ge=1, le=2000)] = 500
    cursor: UUID | None = None

    def values(self) -> Record:
        """Values of the statement; one row more than asked tells whether there is a next page."""
        return self.box_values() | {
            "kinds": list(self.kind) or None,
            "states": list(self.state) or None,
            "finding": self.finding,
            "cursor": self.cursor,
            "limit": self.limit + 1,
        }


class ListQuestion(Question):
    """Under which name a list is known: what was refused of it is kept until a list of this name comes again."""

    file: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")]


class RefusedFeature(BaseModel):
    """A feature of a list that could not be taken."""

    file: str
    number: int
    """In its file, from 1 on."""
    at: datetime
    reason: str
    feature: str


class RefusedList(BaseModel):
    """Those of the list that came last first."""

    items: list[RefusedFeature]
    is_complete: bool


class Taken(BaseModel):
    """What came of a list."""

    added: int
    known: int
    refused: int


class RemovalReason(Body):
    """Why a thing counts as taken away on purpose, or no longer."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


@router.get("/furniture")
async def list_things(
    question: Annotated[ThingQuestion, Query()], connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep
) -> ThingCollection:
    """List things as GeoJSON."""
    records = await fetch_all(connection, views.LIST, question.values() | scope.values())
    features = [views.feature_of(record, kinds=held.kinds) for record in records[: question.limit]]
    following = str(features[-1].id) if len(records) > question.limit else None
    return ThingCollection(features=features, next=following)


@router.get("/furniture/summary")
async def count_things(connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep) -> ThingCounts:
    """Count things by kind and state."""
    records = await fetch_all(connection, views.COUNTS, scope.values())
    items = [
        ThingCount.model_validate(record | {"kind_name": views.kind_name(record["kind"], held.kinds)})
        for record in records
    ]
    return ThingCounts(items=items)


@judging.get("/furniture/lists/refused")
async def list_refused(connection: DatabaseDep, held: ResourcesDep, actor: ActorDep, scope: ScopeDep) -> RefusedList:
    """List what could not be taken of the county's lists, and why; of their own only, for who is limited to areas."""
    brought_by = None if scope.areas is None else actor.name
    values = {"city": held.city, "brought_by": brought_by, "limit": REFUSED_SHOWN + 1}
    found = await fetch_all(connection, REFUSED, values)
    items = [RefusedFeature.model_validate(record) for record in found[:REFUSED_SHOWN]]
    return RefusedList(items=items, is_complete=len(found) <= REFUSED_SHOWN)


@judging.post(
    "/furniture/lists",
    responses={403: _ANSWERS[403]},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/geo+json": {"schema": {"type": "object"}}},
        }
    },
)
async def import_list(
    question: Annotated[ListQuestion, Query()], request: Request, held: ResourcesDep, actor: ActorDep, scope: ScopeDep
) -> Taken:
    """Take the county's list of signs, rails, poles, covers, hydrants and bins; again it adds nothing."""
    content = await request.body()
    came = await run_in_threadpool(_import, held, scope, content, file=question.file, by=actor.name)
    return Taken(added=came.added, known=came.known, refused=len(came.refused))


def _import(held: Resources, scope: Scope, content: bytes, *, file: str, by: str) -> Imported:
    features = list(within(read_features(content, kinds=held.kinds, what=file), scope.has_place))
    with held.thread_pool.connection() as connection:
        return import_features(
            connection,
            features,
            city=held.city,
            file=file,
            kinds=held.kinds,
            at=datetime.now(UTC),
            by=by,
            scope=scope,
        )


async def thing_in_scope(thing_id: UUID, connection: DatabaseDep, scope: ScopeDep) -> Record:
    """The row of a thing; one out of scope is not there."""
    record = await fetch_one(connection, views.BY_ID, {"id": thing_id})
    if record is None or not scope.has_place(lon=record["lon"], lat=record["lat"]):
        raise not_found(f"thing {thing_id}")
    return record


ThingDep = Annotated[Record, Depends(thing_in_scope)]


@router.get("/furniture/{thing_id}", responses={404: _ANSWERS[404]})  # noqa: FAST003 - thing_in_scope takes it
async def get_thing(thing: ThingDep, connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep) -> ThingDetail:
    """Get one thing with the passes by it, its pictures and what is the matter with it."""
    of = {"id": thing["id"]}
    return views.detail_of(
        thing,
        passes=await fetch_all(connection, views.PASSES, of | {"limit": views.PASSES_SHOWN}),
        pictures=await fetch_all(connection, views.PICTURES, of | {"limit": views.PICTURES_SHOWN}),
        problems=await fetch_all(connection, views.PROBLEMS, of),
        decisions=await fetch_all(connection, views.DECISIONS, of | {"limit": views.DECISIONS_SHOWN}),
        kinds=held.kinds,
        catalogue=held.catalogue,
        scope=scope,
    )


@judging.post("/furniture/{thing_id}/remove", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)  # noqa: FAST003
def remove_thing(thing: ThingDep, body: RemovalReason, actor: ActorDep, held: ResourcesDep) -> None:
    """Say that a thing was taken away on purpose: nobody misses it any more; its case is withdrawn within seconds."""
    with held.thread_pool.connection() as connection:
        decisions.remove(connection, thing["id"], actor=actor.name, reason=body.reason, at=datetime.now(UTC))


@judging.post("/furniture/{thing_id}/keep", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)  # noqa: FAST003
def keep_thing(thing: ThingDep, body: RemovalReason, actor: ActorDep, held: ResourcesDep) -> None:
    """Take that back: the passes judge the thing again."""
    with held.thread_pool.connection() as connection:
        decisions.keep(connection, thing["id"], actor=actor.name, reason=body.reason, at=datetime.now(UTC))
