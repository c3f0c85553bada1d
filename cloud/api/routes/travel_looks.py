"""Looks at the whereabouts of those who travel with a tag: one asks, another opens, and they are over by themselves."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud.api.actors import needs
from cloud.api.deps import SecretBody
from cloud.api.looks import LookOutcome, Purpose
from cloud.api.travel_desk import CounterDep, LookView, Made, OutlookView, look_view, view
from cloud.people.permissions import Permission
from cloud.travel.looks import TRAVEL_LOOKS, LookKind

router = APIRouter(tags=["travel"], dependencies=[needs(Permission.CARE)])


class LookBody(SecretBody):
    """Why somebody's whereabouts must be looked at, and for how long."""

    kind: LookKind
    purpose: Purpose
    minutes: Annotated[int, Field(ge=1, le=1440)]


class LookList(BaseModel):
    """Looks that nobody has closed, newest first."""

    items: list[LookView]


@router.get("/travel/looks")
def get_looks(counter: CounterDep) -> LookList:
    """List looks that wait for a second person, or are open."""
    with counter.open() as opened:
        looks = [look_view(look, counter.at) for look in TRAVEL_LOOKS.open(opened.connection)]
    return LookList(items=[look for look in looks if look.state != "closed"])


@router.post("/travel/people/{traveller}/looks", status_code=HTTPStatus.CREATED)
def ask_to_look(traveller: UUID, body: LookBody, counter: CounterDep) -> Made:
    """Ask to look at somebody's whereabouts."""
    with counter.open() as opened:
        opened.desk.require(traveller)
        return Made(id=opened.looks.ask(traveller, **body.model_dump()))


@router.post("/travel/looks/{look}/approve", status_code=HTTPStatus.NO_CONTENT)
def approve_look(look: UUID, counter: CounterDep) -> None:
    """Approve what another person asked for; its time begins."""
    with counter.open() as opened:
        opened.looks.approve(look)


@router.post("/travel/looks/{look}/close", status_code=HTTPStatus.NO_CONTENT)
def close_look(look: UUID, body: LookOutcome, counter: CounterDep) -> None:
    """End a look, or refuse one."""
    with counter.open() as opened:
        opened.looks.close(look, outcome=body.outcome)


@router.get("/travel/looks/{look}/view")
def view_look(look: UUID, counter: CounterDep) -> OutlookView:
    """Look: the last certain place, where the person may be now, and which buses come by; it is written down."""
    return view(counter, look)
