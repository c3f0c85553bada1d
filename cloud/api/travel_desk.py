"""One request at the care desk, and what it shows: to the desk itself, and to guardians."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends
from psycopg import Connection
from pydantic import BaseModel, JsonValue

from cloud.api.actors import ActorDep
from cloud.api.deps import ResourcesDep
from cloud.api.looks import AnyLookView
from cloud.findings.cells import Ring, ring_of
from cloud.scenarios.safe_travel.model import EventKind
from cloud.travel.looks import LookKind, Looks, TravelLook, looks_of
from cloud.travel.people import Cover, Desk, Kind
from cloud.travel.reading import Books
from cloud.travel.search import Outlook, look_for

SHOWN: Final = timedelta(days=7)


class Made(BaseModel):
    """The id of what was made."""

    id: UUID


class TravellerView(BaseModel):
    """Somebody who travels with a tag; the consent's last day is of the county's calendar."""

    id: UUID
    name: str
    kind: Kind
    covers: list[Cover]
    consent_until: date | None
    tags: int
    last_heard_at: datetime | None
    area_lon: float | None
    area_lat: float | None
    area_radius_m: float | None
    hours_from: time | None
    hours_to: time | None


class ConsentView(BaseModel):
    """A consent, and its last day by the county's clock."""

    id: UUID
    given_by: str
    covers: list[Cover]
    from_at: datetime
    until: date
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


class LookView(AnyLookView):
    """A look at somebody who travels with a tag."""

    traveller: UUID
    kind: LookKind


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """All that the desk works with, in one transaction."""

    connection: Connection[Any]
    desk: Desk
    books: Books
    looks: Looks


class Counter:
    """One request at the desk."""

    def __init__(self, held: ResourcesDep, actor: ActorDep) -> None:
        self.held, self.actor, self.at = held, actor, datetime.now(UTC)
        self.zone = held.handling.working_calendar.zone

    @contextmanager
    def open(self) -> Generator[Opened]:
        """Begin a transaction; it is committed at the end of the context."""
        vault, at, actor = self.held.vault, self.at, self.actor
        with self.held.thread_pool.connection() as connection:
            yield Opened(
                connection=connection,
                desk=Desk(connection=connection, vault=vault, at=at, actor=actor.name),
                books=Books(connection=connection, vault=vault, at=at),
                looks=Looks(connection=connection, at=at, actor=actor),
            )


CounterDep = Annotated[Counter, Depends(Counter)]


def view(counter: Counter, number: UUID) -> OutlookView:
    """What an open look shows to who has part in it."""
    with counter.open() as opened:
        look = opened.looks.look(number)
        name = opened.books.person(look.traveller)["name"]
        events = opened.books.events(look.traveller, since=counter.at - SHOWN)
        found = look_for(opened.connection, look.traveller, at=counter.at, rules=counter.held.travel)
    return _outlook(found, look=look_view(look, counter.at), name=name, events=[event_view(row) for row in events])


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last moment of a day; of the last day of all, in a county west of Greenwich, as late as a time can be."""
    try:
        return datetime.combine(day, time.max, zone).astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def traveller_row(row: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Somebody as they are read, with the last day of their consent."""
    until_at: datetime | None = row["consent_until"]
    return row | {"consent_until": until_at and until_at.astimezone(zone).date()}


def detail_of(opened: Opened, traveller: UUID, *, at: datetime, zone: ZoneInfo) -> TravellerDetail:
    """Somebody, without where they are."""
    books = opened.books
    events = books.events(traveller, since=at - SHOWN)
    return TravellerDetail.model_validate(
        traveller_row(books.person(traveller), zone)
        | {
            "consents": [row | {"until": row["until_at"].astimezone(zone).date()} for row in books.consents(traveller)],
            "guardians": books.guardians(traveller),
            "tag_list": books.tags(traveller),
            "journeys": books.journeys(traveller),
            "events": [event_view(row).model_copy(update={"stop": None}) for row in events],
            "looks": [look_view(look, at) for look in looks_of(opened.connection, traveller)],
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
