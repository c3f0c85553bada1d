"""One bus: how it is and was, how it is wanted to be, and what is asked of it."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field, JsonValue

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Body, Database, DatabaseDep, Question, ResourcesDep
from cloud.api.problems import not_found
from cloud.fleet.answers import read_answer
from cloud.fleet.one_bus import Asked, HealthPoint, Twin, read_commands, read_health, read_log, read_twin
from cloud.fleet.wishes import ask, wish
from cloud.people.permissions import Permission
from wire.messages import CommandKind
from wire.units import Slug

router = APIRouter(tags=["fleet"], dependencies=[needs(Permission.MANAGE_FLEET)])

Device = Annotated[Slug, Path(description="name of the bus")]
Angle = Annotated[float, Field(gt=-45, lt=80, allow_inf_nan=False)]
Offset = Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]

HISTORY_POINTS: Final = 1440
"""At most about so many, whatever the time."""


class Pose(Body):
    """How the camera looks at the road; what is null goes by the bus's own file."""

    height_m: Annotated[float | None, Field(gt=0, le=10, allow_inf_nan=False)] = None
    focal_px: Annotated[float | None, Field(gt=0, le=20_000, allow_inf_nan=False)] = None
    pitch_deg: Angle | None = None
    yaw_deg: Annotated[float | None, Field(ge=-90, le=90, allow_inf_nan=False)] = None
    roll_deg: Annotated[float | None, Field(ge=-30, le=30, allow_inf_nan=False)] = None
    forward_m: Offset | None = None
    right_m: Offset | None = None


class Order(Body):
    """What is asked of a bus."""

    kind: Literal[CommandKind.RESTART, CommandKind.SEND_PICTURE, CommandKind.SEND_LOGS]


class FleetDeed(BaseModel):
    """What somebody did with it."""

    at: datetime
    actor: str
    action: str
    reason: str | None
    details: dict[str, JsonValue]


class BusPage(BaseModel):
    """A bus with what was asked of it and done with it."""

    device: str
    twin: Twin
    commands: list[Asked]
    log: list[FleetDeed]


class HealthHistory(BaseModel):
    """How a bus was, the newest first."""

    items: list[HealthPoint]


class HealthQuestion(Question):
    """Since when."""

    hours: Annotated[int, Field(ge=1, le=720)] = 24


class AskedUntil(BaseModel):
    """Until when it is told."""

    expires_at: datetime


@router.get("/buses/{device}")
async def get_bus(device: Device, connection: DatabaseDep, held: ResourcesDep) -> BusPage:
    """Show one bus: wanted and reported twin, what was asked of it, who did what with it."""
    return await _page(connection, city=held.city, device=device)


@router.get("/buses/{device}/health")
async def get_bus_health(
    device: Device, question: Annotated[HealthQuestion, Query()], connection: DatabaseDep, held: ResourcesDep
) -> HealthHistory:
    """Show how a bus was over the last hours."""
    past = timedelta(hours=question.hours)
    since, stretch = datetime.now(UTC) - past, max(past / HISTORY_POINTS, timedelta(minutes=1))
    items = await read_health(connection, city=held.city, device=device, since=since, stretch=stretch)
    return HealthHistory(items=items)


@router.put("/buses/{device}/pose")
def put_pose(device: Device, body: Pose, held: ResourcesDep, actor: ActorDep) -> dict[str, int]:
    """Wish the camera's pose to be so; the bus tries it and goes back to what it had when that does not work."""
    changes = {f"camera.{name}": value for name, value in body.model_dump().items()}
    with held.thread_pool.connection() as connection:
        change = wish(connection, changes, city=held.city, device=device, actor=actor.name, at=datetime.now(UTC))
    return {"version": change.version}


@router.post("/buses/{device}/commands", status_code=HTTPStatus.ACCEPTED)
def post_command(device: Device, body: Order, held: ResourcesDep, actor: ActorDep) -> AskedUntil:
    """Ask something of a bus; it is told when it is there, once, before that expires."""
    with held.thread_pool.connection() as connection:
        until = ask(connection, body.kind, city=held.city, device=device, actor=actor.name, at=datetime.now(UTC))
    return AskedUntil(expires_at=until)


@router.get(
    "/buses/{device}/commands/{number}/answer",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "text/plain": {}}}},
)
async def get_answer(device: Device, number: UUID, connection: DatabaseDep, held: ResourcesDep) -> Response:
    """Get what a bus answered: a picture that was blurred on board, or the last lines of its log."""
    answer = await read_answer(connection, number, city=held.city, device=device)
    if answer is None:
        raise not_found(f"answer of bus {device} to {number}")
    return Response(answer.content, media_type=answer.media_type, headers={"Cache-Control": "private, no-store"})


async def _page(connection: Database, *, city: str, device: str) -> BusPage:
    twin = await read_twin(connection, city=city, device=device)
    if twin is None:
        raise not_found(f"bus {device}")
    return BusPage.model_validate(
        {
            "device": device,
            "twin": asdict(twin),
            "commands": await read_commands(connection, city=city, device=device),
            "log": await read_log(connection, city=city, device=device),
        }
    )
