"""Changing cases: every action through one route, photos through another."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from pydantic import AwareDatetime, Field

from cloud.api.actors import OF_THIS_CREW, ActorDep, needs
from cloud.api.deps import Body, Question, Resources, ResourcesDep
from cloud.api.once import NEEDS_KEY
from cloud.api.problems import Problem, ProblemError
from cloud.cases.actions import CaseActions
from cloud.cases.model import Action, Actor, Reason
from cloud.cases.orders import Material, Order, Repair, Whereabouts
from cloud.cases.photos import Photo, add_photo, check_photo, keep_safe, read_photo
from cloud.cases.reading import read_case
from cloud.cases.views import CaseDetail
from cloud.errors import ActionNotAllowedError, StaleVersionError
from cloud.findings.model import Severity
from cloud.people.permissions import Permission
from wire.units import ClassCode, Lat, Lon

router = APIRouter(tags=["cases"], dependencies=[needs(Permission.HANDLE_CASES)])

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Key = Annotated[str, Field(max_length=32)]
SizeM = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]


class CaseProblem(Problem):
    """A problem with the case as it is now, so that the page can show what changed."""

    case: CaseDetail


class _Act(Body):
    version: Annotated[int, Field(ge=1)]
    """Of the case as the caller last saw it."""
    at: AwareDatetime | None = None
    """When it happened, if that was before it is sent (a phone without network)."""


class _Explainable(_Act):
    reason: Text | None = None


class PlainAction(_Explainable):
    """An action that needs nothing more."""

    action: Literal["file", "verify", "reopen", "close", "accept", "resume", "separate"]


class ReasonedAction(_Act):
    """An action that must be explained."""

    action: Literal["reject", "return", "decline_suspension", "comment"]
    reason: Text


class CorrectAction(_Explainable):
    """Say what it really is; teaches the detector."""

    action: Literal["correct"]
    class_code: ClassCode | None = None
    severity: Severity | None = None


class DispatchAction(_Explainable):
    """Send a crew, or give the case to a unit whose crews choose; without both the nearest crew with time is sent."""

    action: Literal["dispatch", "reassign"]
    unit: Key | None = None
    crew: Key | None = None


class AskSuspensionAction(_Act):
    """Ask the desk to stop the clock."""

    action: Literal["ask_suspension"]
    reason: Text
    until: AwareDatetime | None = None


class SuspendAction(_Act):
    """Stop the clock until a time."""

    action: Literal["suspend"]
    reason: Text
    until: AwareDatetime


class MergeAction(_Explainable):
    """Say that it is the same matter as another case."""

    action: Literal["merge"]
    into: UUID


class ArriveAction(_Explainable):
    """Say that the crew is there; the position is checked and kept."""

    action: Literal["arrive"]
    lon: Lon
    lat: Lat
    accuracy_m: SizeM | None = None


class MaterialBody(Body):
    """What went into the repair."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    amount: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    unit: Annotated[str, Field(min_length=1, max_length=16)]


class DoneAction(_Explainable):
    """Say that it is repaired."""

    action: Literal["done"]
    materials: Annotated[tuple[MaterialBody, ...], Field(max_length=20)] = ()
    length_m: SizeM | None = None
    width_m: SizeM | None = None
    area_m2: SizeM | None = None


ActionBody = Annotated[
    PlainAction
    | ReasonedAction
    | CorrectAction
    | DispatchAction
    | AskSuspensionAction
    | SuspendAction
    | MergeAction
    | ArriveAction
    | DoneAction,
    Field(discriminator="action"),
]
_CONFLICT: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": CaseProblem, "description": "stale version, or not allowed in the present state"}
}


@router.post("/cases/{case_id}/actions", responses=_CONFLICT, dependencies=[NEEDS_KEY, OF_THIS_CREW])
def act_on_case(case_id: UUID, body: ActionBody, held: ResourcesDep, actor: ActorDep) -> CaseDetail:
    """Do something with a case; answers with the case as it is then."""
    try:
        with held.thread_pool.connection() as connection:
            _actions_now(held, actor, connection).act(case_id, order_of(body), version=body.version)
            return read_case(connection, case_id, actor=actor, catalogue=held.catalogue, handling=held.handling)
    except (StaleVersionError, ActionNotAllowedError) as error:
        raise _conflict(held, case_id, actor, error) from error


def order_of(body: ActionBody) -> Order:
    """The order that a body stands for."""
    words = body.reason or ""
    values: dict[str, Any] = {
        "action": Action(body.action),
        "reason": Reason.as_written(words),
        "said_at": body.at,
    }
    match body:
        case CorrectAction():
            values |= {"class_code": body.class_code, "severity": body.severity}
        case DispatchAction():
            values |= {"unit": body.unit, "crew": body.crew}
        case AskSuspensionAction() | SuspendAction():
            values |= {"until": body.until}
        case MergeAction():
            values |= {"into": body.into}
        case ArriveAction():
            values |= {"where": Whereabouts(lon=body.lon, lat=body.lat, accuracy_m=body.accuracy_m)}
        case DoneAction():
            values |= {"repair": _repair_of(body)}
        case _:
            pass
    return Order(**values)


def _repair_of(body: DoneAction) -> Repair:
    materials = tuple(Material(name=item.name, amount=item.amount, unit=item.unit) for item in body.materials)
    return Repair(materials=materials, length_m=body.length_m, width_m=body.width_m, area_m2=body.area_m2)


def _conflict(held: Resources, case_id: UUID, actor: Actor, error: Exception) -> ProblemError:
    with held.thread_pool.connection() as connection:
        present = read_case(connection, case_id, actor=actor, catalogue=held.catalogue, handling=held.handling)
    return ProblemError(HTTPStatus.CONFLICT, str(error), more={"case": present.model_dump(mode="json")})


class PhotoQuestion(Question):
    """Which photo, and where it was taken."""

    kind: Literal["before", "after"]
    lon: Lon | None = None
    lat: Lat | None = None


@router.post(
    "/cases/{case_id}/photos",
    status_code=HTTPStatus.CREATED,
    dependencies=[NEEDS_KEY, OF_THIS_CREW],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in ("image/jpeg", "image/png", "image/webp")
            },
        }
    },
)
async def add_case_photo(
    case_id: UUID,
    question: Annotated[PhotoQuestion, Query()],
    request: Request,
    held: ResourcesDep,
    actor: ActorDep,
) -> CaseDetail:
    """Take a photo of the crew, make faces and plates unreadable, and keep it without its metadata."""
    content = await read_photo(request.stream(), limit=held.pictures.max_bytes)
    photo = Photo(case_id=case_id, kind=question.kind, content=content, lon=question.lon, lat=question.lat)
    return await run_in_threadpool(_take_photo, held, actor, photo)


def _take_photo(held: Resources, actor: Actor, photo: Photo) -> CaseDetail:
    with held.thread_pool.connection() as connection:
        check_photo(_actions_now(held, actor, connection), photo.case_id)
    with held.aside():
        safe = keep_safe(photo, blur=held.blur, store=held.pictures)
    with held.thread_pool.connection() as connection:
        add_photo(_actions_now(held, actor, connection), photo, safe)
        return read_case(connection, photo.case_id, actor=actor, catalogue=held.catalogue, handling=held.handling)


def _actions_now(held: Resources, actor: Actor, connection: Connection[Any]) -> CaseActions:
    return CaseActions(
        connection=connection, catalogue=held.catalogue, handling=held.handling, actor=actor, at=datetime.now(UTC)
    )
