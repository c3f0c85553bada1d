"""People who travel with a tag, for the care desk. Where somebody is or was is only in a look that two have opened."""

from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Resources, ResourcesDep
from cloud.api.routes.session import DoorDep, Name
from cloud.findings.cells import Ring, ring_of
from cloud.people.links import GOOD_FOR
from cloud.people.permissions import Permission
from cloud.scenarios.safe_travel.model import EventKind
from cloud.travel.looks import TRAVEL_LOOKS, LookKind, Looks, TravelLook, looks_of
from cloud.travel.people import Agreed, Cover, Desk, Kind, NewJourney, NewTag
from cloud.travel.reading import Books
from cloud.travel.search import Outlook, look_for
from wire.units import Instant, Lat, Lon

router = APIRouter(tags=["travel"], dependencies=[needs(Permission.CARE)])

SHOWN: Final = timedelta(days=7)

Words = Annotated[str, Field(min_length=1, max_length=200)]
Purpose = Annotated[str, Field(min_length=5, max_length=500)]
Radius = Annotated[float, Field(ge=20, le=20_000, allow_inf_nan=False)]
Hexadecimal = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16,32}$")]
Local = Annotated[time, Field(description="of the county's clock")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewTraveller(_Body):
    """Somebody who will travel with a tag."""

    name: Words
    kind: Kind


class AgreementBody(_Body):
    """Where somebody goes by themselves, and when (the county's clock)."""

    lon: Lon | None = None
    lat: Lat | None = None
    radius_m: Radius | None = None
    hours_from: Local | None = None
    hours_to: Local | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({self.lon is None, self.lat is None, self.radius_m is None}) > 1:
            raise ValueError("lon, lat and radius_m come together")
        if (self.hours_from is None) is not (self.hours_to is None):
            raise ValueError("hours begin and end")
        if any(at is not None and at.tzinfo is not None for at in (self.hours_from, self.hours_to)):
            raise ValueError("hours are of the county's clock: no time zone is expected")
        return self


class NewConsent(_Body):
    """Who agreed to what, until when."""

    given_by: Words
    covers: Annotated[list[Cover], Field(min_length=1, max_length=2)]
    until_at: Instant


class TagBody(_Body):
    """A tag as it was read when it was handed out."""

    kind: Literal["eid", "ibeacon"]
    secret: Hexadecimal
    exponent: Annotated[int, Field(ge=0, le=15)] | None = None
    counter_s: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    battery_days: Annotated[float, Field(gt=0, le=5000, allow_inf_nan=False)] = 365.0


class NewGuardian(_Body):
    """The name of an account; one that is not there is made."""

    name: Name


class JourneyBody(_Body):
    """A journey that repeats."""

    name: Words
    lon: Lon
    lat: Lat
    radius_m: Radius = 80.0
    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    leave_at: Local
    arrive_by: Local

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.leave_at.tzinfo is not None or self.arrive_by.tzinfo is not None:
            raise ValueError("times are of the county's clock: no time zone is expected")
        if not self.leave_at < self.arrive_by:
            raise ValueError("leave_at comes before arrive_by, on the same day")
        return self


class LookBody(_Body):
    """Why somebody's whereabouts must be looked at, and for how long."""

    kind: LookKind
    purpose: Purpose
    minutes: Annotated[int, Field(ge=1, le=1440)]


class Outcome(_Body):
    """How it ended."""

    outcome: Annotated[str, Field(max_length=500)] = ""


class Made(BaseModel):
    """The id of what was made."""

    id: UUID


class GuardianMade(BaseModel):
    """The one-time link by which a new account sets its password; none for one that was there."""

    url: str | None
    expires_at: datetime | None


class TravellerView(BaseModel):
    """Somebody who travels with a tag."""

    id: UUID
    name: str
    kind: Kind
    covers: list[Cover]
    consent_until: datetime | None
    tags: int
    last_heard_at: datetime | None
    area_lon: float | None
    area_lat: float | None
    area_radius_m: float | None
    hours_from: time | None
    hours_to: time | None


class TravellerList(BaseModel):
    """All of them, by name."""

    items: list[TravellerView]


class ConsentView(BaseModel):
    id: UUID
    given_by: str
    covers: list[Cover]
    from_at: datetime
    until_at: datetime
    recorded_at: datetime
    recorded_by: str
    withdrawn_at: datetime | None


class GuardianView(BaseModel):
    name: str
    added_at: datetime
    has_signed_in: bool


class TagView(BaseModel):
    """A tag; `battery_left` is an estimate by age, `drift_ppm` bounds by what was heard."""

    id: UUID
    kind: Literal["eid", "ibeacon"]
    battery_left: float
    battery_changed_at: datetime
    drift_ppm: tuple[float, float] | None
    added_at: datetime
    last_heard_at: datetime | None


class JourneyView(BaseModel):
    id: UUID
    name: str
    lon: float
    lat: float
    radius_m: float
    days: list[int]
    leave_at: time
    arrive_by: time


class EventView(BaseModel):
    """What was concluded; the stop is for guardians and for open looks."""

    id: UUID
    kind: EventKind
    at: datetime
    journey: UUID | None
    stop: str | None
    is_withdrawn: bool


class LookView(BaseModel):
    """A look: `asked` waits for a second person, `open` may be looked at until its time is over."""

    id: UUID
    traveller: UUID
    kind: LookKind
    state: Literal["asked", "open", "closed"]
    purpose: str
    minutes: int
    asked_at: datetime
    asked_by: str
    approved_by: str | None
    until_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None


class HistoryLineView(BaseModel):
    """Who did what with somebody's data, and why."""

    at: datetime
    actor: str
    deed: str
    purpose: str
    details: dict[str, JsonValue]


class TravellerDetail(TravellerView):
    """Somebody with everything but where they are."""

    consents: list[ConsentView]
    guardians: list[GuardianView]
    tag_list: list[TagView]
    journeys: list[JourneyView]
    events: list[EventView]
    looks: list[LookView]
    history: list[HistoryLineView]


class LookList(BaseModel):
    """Looks that nobody has closed, newest first."""

    items: list[LookView]


class SeenView(BaseModel):
    """Where a reader heard the tag; the strength tells a zone, not metres."""

    reader: str
    from_at: datetime
    to_at: datetime
    lon: float
    lat: float
    accuracy_m: float
    rssi_dbm: int


class CellView(BaseModel):
    """An H3 cell and how likely the person is in it."""

    cell: str
    probability: float
    ring: Ring


class ComingBusView(BaseModel):
    """A bus that came by at this time on so many of the days before."""

    reader: str
    at: datetime
    share: float
    probability: float


class OutlookView(BaseModel):
    """What an open look shows."""

    look: LookView
    name: str
    last: SeenView | None
    trail: list[SeenView]
    cells: list[CellView]
    passes: list[ComingBusView]
    events: list[EventView]


class Counter:
    """One request at the desk: everything in one transaction."""

    def __init__(self, held: ResourcesDep, actor: ActorDep) -> None:
        self.held, self.actor, self.at = held, actor, datetime.now(UTC)

    def desk(self, connection: Connection[Any]) -> Desk:
        return Desk(connection=connection, vault=self.held.vault, at=self.at, actor=self.actor.name)

    def books(self, connection: Connection[Any]) -> Books:
        return Books(connection=connection, vault=self.held.vault, at=self.at)

    def looks(self, connection: Connection[Any]) -> Looks:
        return Looks(connection=connection, at=self.at, actor=self.actor)


CounterDep = Annotated[Counter, Depends(Counter)]


@router.get("/travel/people")
def get_travellers(counter: CounterDep) -> TravellerList:
    """List those who travel with a tag."""
    with counter.held.thread_pool.connection() as connection:
        rows = counter.books(connection).people()
    return TravellerList(items=[TravellerView.model_validate(row) for row in rows])


@router.post("/travel/people", status_code=HTTPStatus.CREATED)
def add_traveller(body: NewTraveller, counter: CounterDep) -> Made:
    """Take somebody in."""
    with counter.held.thread_pool.connection() as connection:
        return Made(id=counter.desk(connection).add(body.name, body.kind))


@router.get("/travel/people/{traveller}")
def get_traveller(traveller: UUID, counter: CounterDep) -> TravellerDetail:
    """Show somebody: consents, tags, journeys, what was concluded, who looked; not where they are."""
    with counter.held.thread_pool.connection() as connection:
        return detail_of(counter, connection, traveller)


@router.put("/travel/people/{traveller}/agreement", status_code=HTTPStatus.NO_CONTENT)
def set_agreement(traveller: UUID, body: AgreementBody, counter: CounterDep) -> None:
    """Set where and when somebody goes by themselves."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).agree(traveller, Agreed(**body.model_dump()))


@router.post("/travel/people/{traveller}/consents", status_code=HTTPStatus.CREATED)
def add_consent(traveller: UUID, body: NewConsent, counter: CounterDep) -> Made:
    """Record a consent."""
    with counter.held.thread_pool.connection() as connection:
        desk = counter.desk(connection)
        return Made(
            id=desk.consent(
                traveller, given_by=body.given_by, covers=body.covers, from_at=counter.at, until_at=body.until_at
            )
        )


@router.delete("/travel/people/{traveller}/consents", status_code=HTTPStatus.NO_CONTENT)
def withdraw_consent(traveller: UUID, counter: CounterDep) -> None:
    """Withdraw all consents: everything is deleted at once, but who looked."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).withdraw(traveller)


@router.post("/travel/people/{traveller}/tags", status_code=HTTPStatus.CREATED)
def add_tag(traveller: UUID, body: TagBody, counter: CounterDep) -> Made:
    """Give somebody a tag."""
    with counter.held.thread_pool.connection() as connection:
        return Made(id=counter.desk(connection).add_tag(traveller, NewTag(**body.model_dump())))


@router.post("/travel/people/{traveller}/tags/{tag}/battery", status_code=HTTPStatus.NO_CONTENT)
def renew_battery(traveller: UUID, tag: UUID, counter: CounterDep) -> None:
    """Note a new battery."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).renew_battery(traveller, tag)


@router.delete("/travel/people/{traveller}/tags/{tag}", status_code=HTTPStatus.NO_CONTENT)
def end_tag(traveller: UUID, tag: UUID, counter: CounterDep) -> None:
    """Take a tag back; what was heard of it is deleted."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).end_tag(traveller, tag)


@router.post("/travel/people/{traveller}/guardians", status_code=HTTPStatus.CREATED)
def add_guardian(traveller: UUID, body: NewGuardian, counter: CounterDep, entrance: DoorDep) -> GuardianMade:
    """Let somebody see what is concluded, with an account of their own."""
    with counter.held.thread_pool.connection() as connection:
        secret = counter.desk(connection).add_guardian(traveller, body.name, address=entrance.address)
    if secret is None:
        return GuardianMade(url=None, expires_at=None)
    return GuardianMade(url=f"{counter.held.origin}/welcome#{secret}", expires_at=counter.at + GOOD_FOR)


@router.delete("/travel/people/{traveller}/guardians/{name}", status_code=HTTPStatus.NO_CONTENT)
def end_guardian(traveller: UUID, name: Name, counter: CounterDep) -> None:
    """Somebody is not a guardian any longer."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).end_guardian(traveller, name)


@router.post("/travel/people/{traveller}/journeys", status_code=HTTPStatus.CREATED)
def add_journey(traveller: UUID, body: JourneyBody, counter: CounterDep) -> Made:
    """Agree on a journey."""
    with counter.held.thread_pool.connection() as connection:
        return Made(id=counter.desk(connection).add_journey(traveller, NewJourney(**body.model_dump())))


@router.delete("/travel/people/{traveller}/journeys/{journey}", status_code=HTTPStatus.NO_CONTENT)
def end_journey(traveller: UUID, journey: UUID, counter: CounterDep) -> None:
    """A journey is not agreed any longer."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).end_journey(traveller, journey)


@router.get("/travel/looks")
def get_looks(counter: CounterDep) -> LookList:
    """List looks that wait for a second person, or are open."""
    with counter.held.thread_pool.connection() as connection:
        looks = [look_view(look, counter.at) for look in TRAVEL_LOOKS.open(connection)]
    return LookList(items=[look for look in looks if look.state != "closed"])


@router.post("/travel/people/{traveller}/looks", status_code=HTTPStatus.CREATED)
def ask_to_look(traveller: UUID, body: LookBody, counter: CounterDep) -> Made:
    """Ask to look at somebody's whereabouts."""
    with counter.held.thread_pool.connection() as connection:
        counter.desk(connection).require(traveller)
        return Made(id=counter.looks(connection).ask(traveller, **body.model_dump()))


@router.post("/travel/looks/{look}/approve", status_code=HTTPStatus.NO_CONTENT)
def approve_look(look: UUID, counter: CounterDep) -> None:
    """Approve what another person asked for; its time begins."""
    with counter.held.thread_pool.connection() as connection:
        counter.looks(connection).approve(look)


@router.post("/travel/looks/{look}/close", status_code=HTTPStatus.NO_CONTENT)
def close_look(look: UUID, body: Outcome, counter: CounterDep) -> None:
    """End a look, or refuse one."""
    with counter.held.thread_pool.connection() as connection:
        counter.looks(connection).close(look, outcome=body.outcome)


@router.get("/travel/looks/{look}/view")
def view_look(look: UUID, counter: CounterDep) -> OutlookView:
    """Look: the last certain place, where the person may be now, and which buses come by; it is written down."""
    return view(counter, look)


def view(counter: Counter, number: UUID) -> OutlookView:
    """What an open look shows to who has part in it."""
    held: Resources = counter.held
    with held.thread_pool.connection() as connection:
        look = counter.looks(connection).look(number)
        books = counter.books(connection)
        name = books.person(look.traveller)["name"]
        events = books.events(look.traveller, since=counter.at - SHOWN)
        zone = held.handling.working_calendar.zone
        found = look_for(connection, look.traveller, at=counter.at, zone=zone)
    return _outlook(found, look=look_view(look, counter.at), name=name, events=[event_view(row) for row in events])


def detail_of(counter: Counter, connection: Connection[Any], traveller: UUID) -> TravellerDetail:
    """Somebody, without where they are."""
    books = counter.books(connection)
    events = books.events(traveller, since=counter.at - SHOWN)
    return TravellerDetail.model_validate(
        books.person(traveller)
        | {
            "consents": books.consents(traveller),
            "guardians": books.guardians(traveller),
            "tag_list": books.tags(traveller),
            "journeys": books.journeys(traveller),
            "events": [event_view(row).model_copy(update={"stop": None}) for row in events],
            "looks": [look_view(look, counter.at) for look in looks_of(connection, traveller)],
            "history": books.history(traveller),
        }
    )


def event_view(row: dict[str, Any]) -> EventView:
    """An event with the name of its stop."""
    return EventView.model_validate(row | {"is_withdrawn": row["withdrawn_at"] is not None})


def look_view(look: TravelLook, at: datetime) -> LookView:
    """A look as it stands now."""
    values = asdict(look)
    return LookView.model_validate(values | {"state": look.state(at)})


def _outlook(found: Outlook, *, look: LookView, name: str, events: list[EventView]) -> OutlookView:
    trail = [SeenView.model_validate(heard, from_attributes=True) for heard in found.trail]
    return OutlookView(
        look=look,
        name=name,
        last=trail[0] if trail else None,
        trail=trail,
        cells=[
            CellView(cell=chance.cell, probability=chance.probability, ring=ring_of(chance.cell))
            for chance in found.chances
        ],
        passes=[ComingBusView.model_validate(one, from_attributes=True) for one in found.passes],
        events=events,
    )
