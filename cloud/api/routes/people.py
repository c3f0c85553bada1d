"""Accounts, for administrators."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from psycopg.rows import dict_row
from pydantic import BaseModel, Field, JsonValue

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Body, Question, Resources
from cloud.api.entrance import Door
from cloud.api.routes.session import DoorDep, Name
from cloud.cases.scope import require_known
from cloud.people.accounts import Person, Wish, list_people
from cloud.people.links import GOOD_FOR, make_link
from cloud.people.model import Role
from cloud.people.permissions import Permission
from cloud.people.sessions import end_sessions, suit_sessions
from cloud.people.tokens import end_tokens

router = APIRouter(tags=["people"], dependencies=[needs(Permission.MANAGE_PEOPLE)])

Key = Annotated[str, Field(max_length=32)]
NamePath = Annotated[Name, Path()]
_LOG: Final = """
SELECT id, at, person, actor, event, address, details FROM people_log
WHERE (%(person)s::text IS NULL OR person = %(person)s) AND (%(cursor)s::bigint IS NULL OR id < %(cursor)s)
ORDER BY id DESC LIMIT %(limit)s
"""


class PersonView(BaseModel):
    """An account."""

    name: str
    role: Role
    unit: str | None
    crew: str | None
    areas: list[str]
    oidc_name: str | None
    is_demo: bool
    is_disabled: bool
    has_password: bool
    has_second_factor: bool
    created_at: datetime
    last_signed_in_at: datetime | None


class PersonList(BaseModel):
    """All accounts, by name."""

    items: list[PersonView]


class PersonBody(Body):
    """An account as it shall be."""

    role: Role
    unit: Key | None = None
    crew: Key | None = None
    areas: Annotated[tuple[Key, ...], Field(max_length=100)] = ()
    oidc_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class NewPerson(PersonBody):
    """A new account."""

    name: Name


class ChangedPerson(PersonBody):
    """An account that is there."""

    is_disabled: bool = False


class LinkView(BaseModel):
    """A one-time link by which its owner sets a password."""

    url: str
    expires_at: datetime


class LogLine(BaseModel):
    """What happened to an account."""

    id: int
    at: datetime
    person: str
    actor: str
    event: str
    address: str
    details: dict[str, JsonValue]


class LogPage(BaseModel):
    """The newest first; `next` is the cursor of the next page."""

    items: list[LogLine]
    next: int | None


class LogQuestion(Question):
    """Which lines."""

    person: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[int, Field(ge=1, le=2**62)] | None = None


@router.get("/people")
def get_people(entrance: DoorDep) -> PersonList:
    """List all accounts."""
    with entrance.held.thread_pool.connection() as connection:
        return PersonList(items=[_view(person) for person in list_people(connection)])


@router.post("/people", status_code=HTTPStatus.CREATED)
def add_person(body: NewPerson, entrance: DoorDep, actor: ActorDep) -> LinkView:
    """Make an account; its owner sets the password by the link."""
    wish = _wish(entrance.held, body.name, body)
    with entrance.held.thread_pool.connection() as connection:
        entrance.accounts(connection, actor.name).add(wish)
        return _link(entrance, make_link(connection, body.name, at=entrance.at))


@router.put("/people/{name}")
def change_person(name: NamePath, body: ChangedPerson, entrance: DoorDep, actor: ActorDep) -> PersonView:
    """Change an account; it counts from the next request on. A disabled one loses its sessions and tokens."""
    wish = _wish(entrance.held, name, body)
    with entrance.held.thread_pool.connection() as connection:
        accounts = entrance.accounts(connection, actor.name)
        accounts.change(wish, is_disabled=body.is_disabled)
        suit_sessions(connection, name, wish.role)
        if body.is_disabled:
            end_sessions(connection, name, at=entrance.at)
            end_tokens(connection, name, at=entrance.at)
        return _view(accounts.find(name))


@router.post("/people/{name}/link", status_code=HTTPStatus.CREATED)
def make_person_link(name: NamePath, entrance: DoorDep, actor: ActorDep) -> LinkView:
    """Make a one-time link for somebody who has no password (any more); earlier links are no longer good."""
    with entrance.held.thread_pool.connection() as connection:
        accounts = entrance.accounts(connection, actor.name)
        accounts.find(name)
        accounts.note(name, "link_made")
        return _link(entrance, make_link(connection, name, at=entrance.at))


@router.delete("/people/{name}/second-factor", status_code=HTTPStatus.NO_CONTENT)
def remove_person_second_factor(name: NamePath, entrance: DoorDep, actor: ActorDep) -> None:
    """Take away the second factor of somebody who has lost it."""
    with entrance.held.thread_pool.connection() as connection:
        accounts = entrance.accounts(connection, actor.name)
        accounts.find(name)
        accounts.set_second_factor(name, None)


@router.delete("/people/{name}/sessions", status_code=HTTPStatus.NO_CONTENT)
def end_person_sessions(name: NamePath, entrance: DoorDep, actor: ActorDep) -> None:
    """End all sessions and tokens of somebody."""
    with entrance.held.thread_pool.connection() as connection:
        accounts = entrance.accounts(connection, actor.name)
        accounts.find(name)
        accounts.note(name, "sessions_ended")
        end_sessions(connection, name, at=entrance.at)
        end_tokens(connection, name, at=entrance.at)


@router.get("/people-log")
def get_people_log(question: Annotated[LogQuestion, Query()], entrance: DoorDep) -> LogPage:
    """List what happened to accounts, newest first."""
    values: dict[str, Any] = question.model_dump() | {"limit": question.limit + 1}
    with (
        entrance.held.thread_pool.connection() as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        records = cursor.execute(_LOG, values).fetchall()
    items = [LogLine.model_validate(record) for record in records[: question.limit]]
    return LogPage(items=items, next=items[-1].id if len(records) > question.limit else None)


def _wish(held: Resources, name: str, body: PersonBody) -> Wish:
    """Check against what the county has.

    Raises:
        PersonError: there is no such unit, crew or area.
    """
    wish = Wish(
        name=name,
        role=body.role,
        unit=body.unit,
        crew=body.crew,
        areas=body.areas,
        oidc_name=body.oidc_name,
    )
    require_known(wish, catalogue=held.catalogue, handling=held.handling)
    return wish


def _link(entrance: Door, secret: str) -> LinkView:
    return LinkView(url=f"{entrance.held.origin}/welcome#{secret}", expires_at=entrance.at + GOOD_FOR)


def _view(person: Person) -> PersonView:
    return PersonView(
        name=person.name,
        role=Role(person.role),
        unit=person.unit,
        crew=person.crew,
        areas=person.areas,
        oidc_name=person.oidc_name,
        is_demo=person.is_demo,
        is_disabled=person.disabled_at is not None,
        has_password=person.password_hash is not None,
        has_second_factor=person.totp_secret is not None,
        created_at=person.created_at,
        last_signed_in_at=person.last_signed_in_at,
    )
