"""What a guardian sees of those in their care, and what they may do: ask for a search, withdraw the consent."""

import json
from functools import partial
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from cloud.api.actors import Credentials, IdentityDep, is_still, needs
from cloud.api.deps import Body, Resources, ResourcesDep
from cloud.api.live import Change
from cloud.api.looks import LookOutcome, Purpose
from cloud.api.routes.events import CursorText, EventStream, open_stream
from cloud.api.travel_desk import (
    SHOWN,
    CounterDep,
    EventView,
    HistoryLineView,
    JourneyView,
    LookView,
    Made,
    OutlookView,
    TravellerView,
    event_view,
    look_view,
    traveller_row,
    view,
)
from cloud.db.value import fetch_value_async
from cloud.people.permissions import Permission
from cloud.travel.looks import IS_WARD, looks_of

router = APIRouter(tags=["guardian"], dependencies=[needs(Permission.GUARD)])


class Ward(TravellerView):
    """Somebody in one's care: what was concluded in the last week, and who looked at what."""

    journeys: list[JourneyView]
    events: list[EventView]
    looks: list[LookView]
    history: list[HistoryLineView]


class Wards(BaseModel):
    """Those in one's care, by name."""

    items: list[Ward]


class SearchBody(Body):
    """Why somebody has to be looked for."""

    purpose: Purpose
    minutes: Annotated[int, Field(ge=1, le=1440)] = 240


@router.get("/guardian/wards")
def get_wards(counter: CounterDep) -> Wards:
    """List those in one's care."""
    with counter.open() as opened:
        wards = [
            Ward.model_validate(
                traveller_row(row, counter.zone)
                | {
                    "journeys": opened.books.journeys(row["id"]),
                    "events": [event_view(event) for event in opened.books.events(row["id"], since=counter.at - SHOWN)],
                    "looks": [look_view(look, counter.at) for look in looks_of(opened.connection, row["id"])],
                    "history": opened.books.history(row["id"]),
                }
            )
            for row in opened.books.people(guardian=counter.actor.name)
        ]
    return Wards(items=wards)


@router.get("/guardian/events", response_class=EventStream)
async def get_ward_events(
    request: Request,
    held: ResourcesDep,
    credentials: Credentials,
    identity: IdentityDep,
    last_event_id: Annotated[CursorText | None, Header()] = None,
) -> EventStream:
    """Follow when there is something new of those in one's care (`ward`); what it is, is asked for."""
    is_welcome = partial(is_still, identity, request, held, credentials)
    told = partial(_tell_guardian, held=held, guardian=identity.actor.name)
    return await open_stream(held.hub, last_event_id, told=told, is_welcome=is_welcome)


async def _tell_guardian(change: Change, *, held: Resources, guardian: str) -> str | None:
    """Asked for each change, since who is in whose care can end while somebody follows."""
    if change.kind != "ward":
        return None
    ward = json.loads(change.payload)["ward"]
    async with held.pool.connection() as connection:
        return change.payload if await fetch_value_async(connection, IS_WARD, (ward, guardian)) else None


@router.post("/guardian/wards/{traveller}/searches", status_code=HTTPStatus.CREATED)
def ask_for_search(traveller: UUID, body: SearchBody, counter: CounterDep) -> Made:
    """Ask that somebody is looked for; the care desk approves it."""
    with counter.open() as opened:
        opened.books.person(traveller, guardian=counter.actor.name)
        return Made(id=opened.looks.ask(traveller, kind="search", purpose=body.purpose, minutes=body.minutes))


@router.get("/guardian/looks/{look}/view")
def view_search(look: UUID, counter: CounterDep) -> OutlookView:
    """Look on while somebody in one's care is looked for."""
    return view(counter, look)


@router.post("/guardian/looks/{look}/close", status_code=HTTPStatus.NO_CONTENT)
def close_search(look: UUID, body: LookOutcome, counter: CounterDep) -> None:
    """Say that somebody is found."""
    with counter.open() as opened:
        opened.looks.close(look, outcome=body.outcome)


@router.delete("/guardian/wards/{traveller}/consents", status_code=HTTPStatus.NO_CONTENT)
def withdraw(traveller: UUID, counter: CounterDep) -> None:
    """Withdraw the consent: everything is deleted at once, but who looked."""
    with counter.open() as opened:
        opened.books.person(traveller, guardian=counter.actor.name)
        opened.desk.withdraw(traveller)
