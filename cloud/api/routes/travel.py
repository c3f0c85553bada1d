"""People who travel with a tag, for the care desk: consents, tags, guardians, journeys; never where they are."""

from datetime import date, datetime, time
from http import HTTPStatus
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from cloud.api.actors import needs
from cloud.api.deps import SecretBody
from cloud.api.routes.session import DoorDep, Name
from cloud.api.travel_desk import CounterDep, Made, TravellerDetail, TravellerView, detail_of, end_of, traveller_row
from cloud.people.links import GOOD_FOR
from cloud.people.permissions import Permission
from cloud.travel.people import Agreed, Cover, Kind, NewJourney, NewTag
from wire.units import Lat, Lon

router = APIRouter(tags=["travel"], dependencies=[needs(Permission.CARE)])

Words = Annotated[str, Field(min_length=1, max_length=200)]
Radius = Annotated[float, Field(ge=20, le=20_000, allow_inf_nan=False)]
Hexadecimal = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16,32}$")]
Local = Annotated[time, Field(description="of the county's clock")]


class NewTraveller(SecretBody):
    """Somebody who will travel with a tag."""

    name: Words
    kind: Kind


class AgreementBody(SecretBody):
    """Where somebody goes by themselves, and when (the county's clock; from a time to the same is the whole day)."""

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


class NewConsent(SecretBody):
    """Who agreed to what, and until the end of which day by the county's clock."""

    given_by: Words
    covers: Annotated[list[Cover], Field(min_length=1, max_length=2)]
    until: date


class TagBody(SecretBody):
    """A tag as it was read when it was handed out."""

    kind: Literal["eid", "ibeacon"]
    secret: Hexadecimal
    exponent: Annotated[int, Field(ge=0, le=15)] | None = None
    counter_s: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    battery_days: Annotated[float, Field(gt=0, le=5000, allow_inf_nan=False)] = 365.0


class NewGuardian(SecretBody):
    """The name of an account; one that is not there is made."""

    name: Name


class JourneyBody(SecretBody):
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


class GuardianMade(BaseModel):
    """The one-time link by which a new account sets its password; none for one that was there."""

    url: str | None
    expires_at: datetime | None


class TravellerList(BaseModel):
    """All of them, by name."""

    items: list[TravellerView]


@router.get("/travel/people")
def get_travellers(counter: CounterDep) -> TravellerList:
    """List those who travel with a tag."""
    with counter.open() as opened:
        rows = opened.books.people()
    return TravellerList(items=[TravellerView.model_validate(traveller_row(row, counter.zone)) for row in rows])


@router.post("/travel/people", status_code=HTTPStatus.CREATED)
def add_traveller(body: NewTraveller, counter: CounterDep) -> Made:
    """Take somebody in."""
    with counter.open() as opened:
        return Made(id=opened.desk.add(body.name, body.kind))


@router.get("/travel/people/{traveller}")
def get_traveller(traveller: UUID, counter: CounterDep) -> TravellerDetail:
    """Show somebody: consents, tags, journeys, what was concluded, who looked; not where they are."""
    with counter.open() as opened:
        return detail_of(opened, traveller, at=counter.at, zone=counter.zone)


@router.put("/travel/people/{traveller}/agreement", status_code=HTTPStatus.NO_CONTENT)
def set_agreement(traveller: UUID, body: AgreementBody, counter: CounterDep) -> None:
    """Set where and when somebody goes by themselves."""
    with counter.open() as opened:
        opened.desk.agree(traveller, Agreed(**body.model_dump()))


@router.post("/travel/people/{traveller}/consents", status_code=HTTPStatus.CREATED)
def add_consent(traveller: UUID, body: NewConsent, counter: CounterDep) -> Made:
    """Record a consent."""
    until_at = end_of(body.until, counter.zone)
    with counter.open() as opened:
        return Made(
            id=opened.desk.consent(
                traveller, given_by=body.given_by, covers=body.covers, from_at=counter.at, until_at=until_at
            )
        )


@router.delete("/travel/people/{traveller}/consents", status_code=HTTPStatus.NO_CONTENT)
def withdraw_consent(traveller: UUID, counter: CounterDep) -> None:
    """Withdraw all consents: everything is deleted at once, but who looked."""
    with counter.open() as opened:
        opened.desk.withdraw(traveller)


@router.post("/travel/people/{traveller}/tags", status_code=HTTPStatus.CREATED)
def add_tag(traveller: UUID, body: TagBody, counter: CounterDep) -> Made:
    """Give somebody a tag."""
    with counter.open() as opened:
        return Made(id=opened.desk.add_tag(traveller, NewTag(**body.model_dump())))


@router.post("/travel/people/{traveller}/tags/{tag}/battery", status_code=HTTPStatus.NO_CONTENT)
def renew_battery(traveller: UUID, tag: UUID, counter: CounterDep) -> None:
    """Note a new battery."""
    with counter.open() as opened:
        opened.desk.renew_battery(traveller, tag)


@router.delete("/travel/people/{traveller}/tags/{tag}", status_code=HTTPStatus.NO_CONTENT)
def end_tag(traveller: UUID, tag: UUID, counter: CounterDep) -> None:
    """Take a tag back; what was heard of it is deleted."""
    with counter.open() as opened:
        opened.desk.end_tag(traveller, tag)


@router.post("/travel/people/{traveller}/guardians", status_code=HTTPStatus.CREATED)
def add_guardian(traveller: UUID, body: NewGuardian, counter: CounterDep, entrance: DoorDep) -> GuardianMade:
    """Let somebody see what is concluded, with an account of their own."""
    with counter.open() as opened:
        secret = opened.desk.add_guardian(traveller, body.name, address=entrance.address)
    if secret is None:
        return GuardianMade(url=None, expires_at=None)
    return GuardianMade(url=f"{counter.held.origin}/welcome#{secret}", expires_at=counter.at + GOOD_FOR)


@router.delete("/travel/people/{traveller}/guardians/{name}", status_code=HTTPStatus.NO_CONTENT)
def end_guardian(traveller: UUID, name: Name, counter: CounterDep) -> None:
    """Somebody is not a guardian any longer."""
    with counter.open() as opened:
        opened.desk.end_guardian(traveller, name)


@router.post("/travel/people/{traveller}/journeys", status_code=HTTPStatus.CREATED)
def add_journey(traveller: UUID, body: JourneyBody, counter: CounterDep) -> Made:
    """Agree on a journey."""
    with counter.open() as opened:
        return Made(id=opened.desk.add_journey(traveller, NewJourney(**body.model_dump())))


@router.delete("/travel/people/{traveller}/journeys/{journey}", status_code=HTTPStatus.NO_CONTENT)
def end_journey(traveller: UUID, journey: UUID, counter: CounterDep) -> None:
    """A journey is not agreed any longer."""
    with counter.open() as opened:
        opened.desk.end_journey(traveller, journey)
