"""Who drove what when and where: only in a look that two have opened. And what drivers read of looks at them."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from psycopg import Connection
from pydantic import BaseModel, Field, JsonValue

from cloud.api.actors import ActorDep, ScopeDep, needs
from cloud.api.deps import Body, ResourcesDep
from cloud.api.looks import AnyLookView, LookOutcome, Purpose
from cloud.api.problems import ProblemError
from cloud.driving.looks import DRIVER_LOOKS, DriverLook, Ground, Looks, LookWish, read_driven, read_track
from cloud.driving.record import read_record
from cloud.driving.shifts import list_own
from cloud.people.permissions import Permission
from wire.units import Instant, Name, Slug

router = APIRouter(tags=["driving"])

LOOKS: Final = [needs(Permission.LOOK_AT_DRIVERS)]
OWN_DAYS: Final = timedelta(days=90)


class DriverLookBody(Body):
    """At whom, of what time, why, and for how long: a driver, or whoever drove a bus."""

    driver: Name | None = None
    device: Slug | None = None
    from_at: Instant
    to_at: Instant
    kind: Ground
    purpose: Purpose
    minutes: Annotated[int, Field(ge=1, le=60)] = 30


class LookMade(BaseModel):
    """The id of a look."""

    id: UUID


class DriverLookView(AnyLookView):
    """A look at a driver, or at whoever drove a bus."""

    driver: str | None
    device: str | None
    from_at: datetime
    to_at: datetime
    kind: Ground


class DriverLookList(BaseModel):
    """Looks that nobody has closed, newest first."""

    items: list[DriverLookView]


class TrackPointView(BaseModel):
    """Where the bus was, at most every half minute."""

    at: datetime
    lon: float
    lat: float
    speed_mps: float | None


class DrivenView(BaseModel):
    """A shift, as far as it lies in the time that is looked at, and where its bus was."""

    id: UUID
    driver: str
    device: str
    from_at: datetime
    to_at: datetime
    noted_by: str
    track: list[TrackPointView]


class WhereaboutsView(BaseModel):
    """What an open look shows."""

    look: DriverLookView
    shifts: list[DrivenView]


class OwnShiftView(BaseModel):
    """A shift of one's own."""

    device: str
    from_at: datetime
    to_at: datetime
    noted_by: str


class RecordLineView(BaseModel):
    """Who did what with one's data, and why."""

    at: datetime
    actor: str
    deed: str
    purpose: str
    details: dict[str, JsonValue]


class RecordView(BaseModel):
    """One's shifts of the last months, and who did what with one's data: both newest first."""

    shifts: list[OwnShiftView]
    lines: list[RecordLineView]


class LookCounter:
    """One request about looks: everything in one transaction."""

    def __init__(self, held: ResourcesDep, actor: ActorDep, scope: ScopeDep) -> None:
        if not scope.is_everything:
            raise ProblemError(HTTPStatus.FORBIDDEN, "an account for a part of the county has no looks at drivers")
        self.held, self.actor, self.at = held, actor, datetime.now(UTC)

    def looks(self, connection: Connection[object]) -> Looks:
        return Looks(connection=connection, at=self.at, actor=self.actor)


CounterDep = Annotated[LookCounter, Depends(LookCounter)]


@router.get("/driving/looks", dependencies=LOOKS)
def get_driver_looks(counter: CounterDep) -> DriverLookList:
    """List looks that wait for a second person, or are open."""
    with counter.held.thread_pool.connection() as connection:
        looks = [_look_view(look, counter.at) for look in DRIVER_LOOKS.open(connection)]
    return DriverLookList(items=[look for look in looks if look.state != "closed"])


@router.post("/driving/looks", dependencies=LOOKS, status_code=HTTPStatus.CREATED)
def ask_to_look_at_driver(body: DriverLookBody, counter: CounterDep) -> LookMade:
    """Ask who drove what when."""
    wish = LookWish(city=counter.held.city, **body.model_dump())
    with counter.held.thread_pool.connection() as connection:
        return LookMade(id=counter.looks(connection).ask(wish))


@router.post("/driving/looks/{look}/approve", dependencies=LOOKS, status_code=HTTPStatus.NO_CONTENT)
def approve_driver_look(look: UUID, counter: CounterDep) -> None:
    """Approve what another person asked for; its time begins."""
    with counter.held.thread_pool.connection() as connection:
        counter.looks(connection).approve(look)


@router.post("/driving/looks/{look}/close", dependencies=LOOKS, status_code=HTTPStatus.NO_CONTENT)
def close_driver_look(look: UUID, body: LookOutcome, counter: CounterDep) -> None:
    """End a look, or refuse one."""
    with counter.held.thread_pool.connection() as connection:
        counter.looks(connection).close(look, outcome=body.outcome)


@router.get("/driving/looks/{look}/view", dependencies=LOOKS)
def view_driver_look(look: UUID, counter: CounterDep) -> WhereaboutsView:
    """Look: who drove which bus, and where it was; each driver reads that it was looked at."""
    with counter.held.thread_pool.connection() as connection:
        found = counter.looks(connection).look(look)
        shifts = [
            DrivenView.model_validate(asdict(driven) | {"track": map(asdict, read_track(connection, found, driven))})
            for driven in read_driven(connection, found)
        ]
    return WhereaboutsView(look=_look_view(found, counter.at), shifts=shifts)


@router.get("/driving/my-record", dependencies=[needs(Permission.DRIVE)])
def get_my_record(held: ResourcesDep, actor: ActorDep) -> RecordView:
    """Get one's own shifts, and who looked at them, why, and when."""
    with held.thread_pool.connection() as connection:
        own = list_own(connection, actor.name, city=held.city, since=datetime.now(UTC) - OWN_DAYS)
        lines = read_record(connection, actor.name)
    return RecordView(
        shifts=[OwnShiftView.model_validate(shift, from_attributes=True) for shift in own],
        lines=[
            RecordLineView.model_validate(
                {
                    "at": line.at,
                    "actor": line.actor,
                    "deed": line.action,
                    "purpose": line.reason.zh,
                    "details": line.details,
                }
            )
            for line in lines
        ],
    )


def _look_view(look: DriverLook, at: datetime) -> DriverLookView:
    return DriverLookView.model_validate(asdict(look) | {"state": look.state(at)})
