"""Safe driving: incidents, reviews, scores, and shifts as they are noted; and for drivers, what is said of them.

Who drove what when is told here to nobody but the driver: see `driver_looks`.
"""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal, LiteralString, Self
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from cloud.api.actors import ActorDep, ScopeDep, needs
from cloud.api.deps import Body, Database, DatabaseDep, Question, Record, Resources, ResourcesDep, fetch_all, fetch_one
from cloud.api.problems import ProblemError, not_found
from cloud.api.routes.pictures import answer_once
from cloud.driving import shifts
from cloud.driving.clips import ClipDeed, note_look
from cloud.driving.reviews import Wish, object_to, review
from cloud.driving.views import (
    BY_BUS,
    BY_DRIVER,
    COUNTED_STATES,
    LIST,
    LOG,
    MINE,
    MY_ONE,
    ONE,
    IncidentDetail,
    IncidentPage,
    IncidentView,
    ScoreList,
    ScoreView,
    detail_of,
)
from cloud.people.permissions import Permission
from cloud.scenarios.safe_driving.review import BY_DRIVER as REVIEWS_BY_DRIVER
from cloud.scenarios.safe_driving.review import Review, ReviewState
from cloud.scenarios.safe_driving.score import LEVEL, Counted, coarse, score_all, whole_weeks
from wire.units import Name, Slug

router = APIRouter(tags=["driving"])

ClipNumber = Annotated[int, Path(ge=0, le=99)]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]


class PageQuestion(Question):
    """Which incidents."""

    state: ReviewState | None = None
    kind: Annotated[str, Field(max_length=40)] | None = None
    device: Slug | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str, Field(max_length=100)] | None = None

    def values(self, city: str) -> Record:
        """Values of a statement."""
        before_at, before_id = _read_cursor(self.cursor)
        return {
            "city": city,
            "state": self.state,
            "kind": self.kind,
            "device": self.device,
            "before_at": before_at,
            "before_id": before_id,
            "limit": self.limit + 1,
        }


class ScoreQuestion(Question):
    """Whose scores, and of how many days; without a number as the county has set, and so always of drivers."""

    by: Literal["bus", "driver"] = "bus"
    days: Annotated[int, Field(ge=1, le=366)] | None = None

    @model_validator(mode="after")
    def _of_buses(self) -> Self:
        if self.by == "driver" and self.days is not None:
            raise ValueError("days can be chosen of buses only")
        return self


class ReviewOrder(Body):
    """What is to be done with an incident, as it was last seen."""

    action: Review
    version: Annotated[int, Field(ge=1)]
    reason: Reason | None = None


class Objection(Body):
    """The driver's own word."""

    text: Reason


class ShiftOrder(Body):
    """Who drove which bus from when to when."""

    driver: Name
    device: Slug
    from_at: AwareDatetime
    to_at: AwareDatetime


class ShiftMade(BaseModel):
    """The id by which a shift that was noted wrongly is taken back."""

    id: UUID


@router.get("/driving/incidents", dependencies=[needs(Permission.SEE_DRIVING)])
async def list_incidents(
    question: Annotated[PageQuestion, Query()], connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep
) -> IncidentPage:
    """List incidents, newest first."""
    records = await fetch_all(connection, LIST, question.values(held.city) | scope.values())
    return _page(records, question.limit)


@router.get("/driving/incidents/{incident_id}", dependencies=[needs(Permission.SEE_DRIVING)])
async def get_incident(
    incident_id: UUID, connection: DatabaseDep, held: ResourcesDep, scope: ScopeDep
) -> IncidentDetail:
    """Get one with its evidence and record."""
    record = await fetch_one(connection, ONE, {"id": incident_id, "city": held.city} | scope.values())
    return await _detail(connection, record, incident_id, is_reviewer=True)


@router.get(
    "/driving/incidents/{incident_id}/clips/{number}",
    dependencies=[needs(Permission.SEE_DRIVING)],
    response_class=StreamingResponse,
)
async def get_clip(  # noqa: PLR0917 - the framework passes by name
    incident_id: UUID,
    number: ClipNumber,
    connection: DatabaseDep,
    held: ResourcesDep,
    actor: ActorDep,
    scope: ScopeDep,
) -> Response:
    """Get the seconds of the road around one, or a terminal's picture of it, blurred; its driver reads who looked."""
    record = await fetch_one(connection, ONE, {"id": incident_id, "city": held.city} | scope.values())
    answer = await _clip(connection, held, record, number)
    await run_in_threadpool(_note_view, held, incident_id, by=actor.name)
    return answer


@router.post(
    "/driving/incidents/{incident_id}/reviews",
    dependencies=[needs(Permission.REVIEW_DRIVING)],
    status_code=HTTPStatus.NO_CONTENT,
)
def review_incident(
    incident_id: UUID, order: ReviewOrder, held: ResourcesDep, actor: ActorDep, scope: ScopeDep
) -> None:
    """Review one: coach, recognise, dismiss, reopen."""
    if order.action in REVIEWS_BY_DRIVER:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{order.action} is for the driver")
    wish = Wish(review=order.action, version=order.version, reason=order.reason)
    with held.thread_pool.connection() as connection:
        if connection.execute(ONE, {"id": incident_id, "city": held.city} | scope.values()).fetchone() is None:
            raise not_found(f"incident {incident_id}")
        review(connection, incident_id, wish, actor=actor.name, at=datetime.now(UTC))


@router.get("/driving/scores", dependencies=[needs(Permission.SEE_DRIVING)])
async def list_scores(
    question: Annotated[ScoreQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> ScoreList:
    """Compare buses or drivers, as far as the numbers bear it.

    Drivers are compared over whole weeks that are over, roughly, and as reviews stood then: else who watches numbers of
    buses and drivers change would know who drives which bus.
    """
    days = question.days or held.driving.score.days
    if question.by == "bus":
        span = _up_to_now(days)
        return _score_list(await _counted(connection, held, BY_BUS, span), held, "bus", span)
    span = whole_weeks(datetime.now(UTC), days=days, zone=held.handling.working_calendar.zone)
    counted = [coarse(one) for one in await _counted(connection, held, BY_DRIVER, span)]
    return _score_list(counted, held, "driver", span)


@router.get("/driving/mine", dependencies=[needs(Permission.DRIVE)])
async def list_mine(
    question: Annotated[PageQuestion, Query()], connection: DatabaseDep, held: ResourcesDep, actor: ActorDep
) -> IncidentPage:
    """List the incidents of one's own shifts."""
    records = await fetch_all(connection, MINE, question.values(held.city) | {"driver": actor.name})
    return _page(records, question.limit)


@router.get("/driving/mine/score", dependencies=[needs(Permission.DRIVE)])
async def get_my_score(connection: DatabaseDep, held: ResourcesDep, actor: ActorDep) -> ScoreList:
    """Get one's own score, and nobody else's."""
    span = _up_to_now(held.driving.score.days)
    counted = await _counted(connection, held, BY_DRIVER, span, driver=actor.name)
    return _score_list(counted, held, "driver", span)


@router.get("/driving/mine/{incident_id}", dependencies=[needs(Permission.DRIVE)])
async def get_mine(incident_id: UUID, connection: DatabaseDep, held: ResourcesDep, actor: ActorDep) -> IncidentDetail:
    """Get one of one's own shifts with its evidence and record."""
    values = {"id": incident_id, "city": held.city, "driver": actor.name}
    return await _detail(connection, await fetch_one(connection, MY_ONE, values), incident_id, is_reviewer=False)


@router.get(
    "/driving/mine/{incident_id}/clips/{number}",
    dependencies=[needs(Permission.DRIVE)],
    response_class=StreamingResponse,
)
async def get_my_clip(
    incident_id: UUID, number: ClipNumber, connection: DatabaseDep, held: ResourcesDep, actor: ActorDep
) -> Response:
    """Get the seconds of the road around one of one's own shifts, or a terminal's picture of it."""
    values = {"id": incident_id, "city": held.city, "driver": actor.name}
    return await _clip(connection, held, await fetch_one(connection, MY_ONE, values), number)


@router.post(
    "/driving/mine/{incident_id}/objection",
    dependencies=[needs(Permission.DRIVE)],
    status_code=HTTPStatus.NO_CONTENT,
)
def object_to_mine(incident_id: UUID, objection: Objection, held: ResourcesDep, actor: ActorDep) -> None:
    """Object: somebody must look again."""
    with held.thread_pool.connection() as connection:
        object_to(connection, incident_id, objection.text, driver=actor.name, at=datetime.now(UTC))


@router.post("/driving/shifts", dependencies=[needs(Permission.REVIEW_DRIVING)], status_code=HTTPStatus.CREATED)
def add_shift(order: ShiftOrder, held: ResourcesDep, actor: ActorDep) -> ShiftMade:
    """Note who drove which bus when; the driver reads that it was noted, or that one was refused since it overlaps."""
    wish = shifts.ShiftWish(city=held.city, **order.model_dump())
    with held.thread_pool.connection() as connection:
        shift_id = shifts.add_shift(connection, wish, by=actor.name, at=datetime.now(UTC))
    if shift_id is None:
        raise ProblemError(HTTPStatus.CONFLICT, f"{order.device} or {order.driver} has a shift in that time already")
    return ShiftMade(id=shift_id)


@router.delete(
    "/driving/shifts/{shift_id}",
    dependencies=[needs(Permission.REVIEW_DRIVING)],
    status_code=HTTPStatus.NO_CONTENT,
)
def remove_shift(shift_id: UUID, held: ResourcesDep, actor: ActorDep) -> None:
    """Take a shift back that was noted wrongly."""
    with held.thread_pool.connection() as connection:
        if not shifts.remove_shift(connection, shift_id, city=held.city, by=actor.name, at=datetime.now(UTC)):
            raise not_found(f"shift {shift_id}")


async def _counted(
    connection: Database,
    held: ResourcesDep,
    statement: LiteralString,
    span: tuple[datetime, datetime],
    *,
    driver: str | None = None,
) -> list[Counted]:
    since, until = span
    values = {"city": held.city, "since": since, "until": until, "counted": COUNTED_STATES, "driver": driver}
    return [Counted(**record) for record in await fetch_all(connection, statement, values)]


def _up_to_now(days: int) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(days=days), now


def _score_list(
    counted: list[Counted], held: ResourcesDep, by: Literal["bus", "driver"], span: tuple[datetime, datetime]
) -> ScoreList:
    enough = [one for one in counted if one.way_km >= held.driving.score.min_km and one.way_km > 0]
    since, until = span
    return ScoreList(
        by=by,
        days=(until - since).days,
        until_at=until,
        level=LEVEL,
        items=[ScoreView.model_validate(score, from_attributes=True) for score in score_all(enough)],
        too_little=[one.name for one in counted if one not in enough],
    )


async def _detail(
    connection: Database, record: Record | None, incident_id: UUID, *, is_reviewer: bool
) -> IncidentDetail:
    if record is None:
        raise not_found(f"incident {incident_id}")
    return detail_of(record, await fetch_all(connection, LOG, {"id": incident_id}), is_reviewer=is_reviewer)


async def _clip(connection: Database, held: Resources, record: Record | None, number: int) -> Response:
    clips: list[Record] = [] if record is None else record["clips"]
    if number >= len(clips) or not clips[number]["is_here"]:
        raise not_found(f"clip {number}")
    return await answer_once(clips[number]["sha256"], connection, held)


def _note_view(held: Resources, incident_id: UUID, *, by: str) -> None:
    with held.thread_pool.connection() as connection:
        note_look(connection, [incident_id], ClipDeed.VIEW, by=by, at=datetime.now(UTC))


def _page(records: list[Record], limit: int) -> IncidentPage:
    items = [IncidentView.model_validate(record) for record in records[:limit]]
    is_more = len(records) > limit
    return IncidentPage(items=items, next=f"{items[-1].from_at.isoformat()}_{items[-1].id}" if is_more else None)


def _read_cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    at, _, incident_id = cursor.partition("_")
    try:
        return datetime.fromisoformat(at), UUID(incident_id)
    except ValueError:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "the cursor is none of a page's") from None
