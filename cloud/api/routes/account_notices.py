"""Of what one is told by mail, and when: everybody for oneself."""

from datetime import time
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from cloud.api.actors import IdentityDep, needs
from cloud.api.deps import Body
from cloud.api.routes.session import DoorDep
from cloud.errors import PersonError
from cloud.notify.targets import Address
from cloud.notify.wishes import Wish, drop_wish, read_wish, write_wish
from cloud.people.accounts import find_person
from cloud.people.permissions import Permission
from wire.units import ClassCode

router = APIRouter(tags=["account"], dependencies=[needs(Permission.ACCOUNT)])


class NoticeWish(Body):
    """Where to, of which classes (none: of all), when not, and how many minutes' worth at once.

    Quiet hours are of the county's clock; from a time to the same there are none.
    """

    address: Address
    classes: Annotated[list[ClassCode], Field(max_length=50)] = []  # noqa: RUF012 - pydantic copies it
    quiet_from: time | None = None
    quiet_to: time | None = None
    digest_min: Annotated[int, Field(ge=0, le=1440)] = 0

    @model_validator(mode="after")
    def _has_both_ends(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("quiet hours begin and end")
        if any(end is not None and end.tzinfo is not None for end in (self.quiet_from, self.quiet_to)):
            raise ValueError("quiet hours are of the county's clock: no time zone is expected")
        return self


class Notices(BaseModel):
    """What one wants to be told; no wish: nothing."""

    wish: NoticeWish | None


@router.get("/account/notices")
def get_notices(entrance: DoorDep, found: IdentityDep) -> Notices:
    """Get what one is told by mail."""
    with entrance.held.thread_pool.connection() as connection:
        wish = read_wish(connection, found.actor.name)
    if wish is None:
        return Notices(wish=None)
    return Notices(wish=NoticeWish.model_validate({name: getattr(wish, name) for name in Wish.__slots__}))


@router.put("/account/notices", status_code=HTTPStatus.NO_CONTENT)
def set_notices(body: NoticeWish, entrance: DoorDep, found: IdentityDep) -> None:
    """Set what one is told by mail: of cases that one may see, and not of what one did."""
    with entrance.held.thread_pool.connection() as connection:
        person = find_person(connection, found.actor.name)
        if person is None or person.is_demo:
            raise PersonError("the account of a demo is told nothing")
        write_wish(connection, person.name, Wish(**body.model_dump()))
        entrance.accounts(connection, person.name).note(person.name, "notices_set")


@router.delete("/account/notices", status_code=HTTPStatus.NO_CONTENT)
def stop_notices(entrance: DoorDep, found: IdentityDep) -> None:
    """Be told nothing any longer."""
    with entrance.held.thread_pool.connection() as connection:
        drop_wish(connection, found.actor.name)
        entrance.accounts(connection, found.actor.name).note(found.actor.name, "notices_stopped")
