"""One's own account: sessions, password, second factor, tokens."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud.api.actors import Identity, IdentityDep, needs
from cloud.api.deps import SecretBody
from cloud.api.entrance import Door
from cloud.api.problems import not_found
from cloud.api.routes.session import Code, DoorDep, Password
from cloud.errors import PersonError, SignInError
from cloud.people.accounts import Person, find_person
from cloud.people.attempts import Attempt
from cloud.people.model import Role
from cloud.people.passwords import check_strength, hash_password, is_password
from cloud.people.permissions import FOR_TOKENS, GRANTS, Permission
from cloud.people.second_factor import draw_secret, step_of_code
from cloud.people.sessions import end_session, end_sessions, list_sessions
from cloud.people.tokens import add_token, end_token, list_tokens

router = APIRouter(tags=["account"], dependencies=[needs(Permission.ACCOUNT)])


class AccountView(BaseModel):
    """One's own account."""

    name: str
    role: Role
    unit: str | None
    crew: str | None
    areas: list[str]
    is_demo: bool
    has_password: bool
    has_second_factor: bool
    scopes: list[Permission]
    """What a token of this account can be for."""


class SessionView(BaseModel):
    """One browser that is signed in."""

    id: UUID
    way: str
    browser: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


class SessionList(BaseModel):
    """The last used first."""

    items: list[SessionView]


class NewPassword(SecretBody):
    """The password until now (empty when there was none), and the new one."""

    current: Annotated[str, Field(max_length=1024)]
    new: Password


class SecondFactorView(BaseModel):
    """What the authenticator app is given: to be scanned (an SVG path, `code_size` units wide) or typed."""

    secret: str
    uri: str
    code_path: str
    code_size: int


class SecondFactor(SecretBody):
    """The secret that the app was given, the code that it shows, and the password."""

    secret: Annotated[str, Field(pattern=r"^[A-Z2-7]{32}$")]
    code: Code
    password: Annotated[str, Field(max_length=1024)]


class Confirmation(SecretBody):
    """The password."""

    password: Annotated[str, Field(max_length=1024)]


class TokenView(BaseModel):
    """A token; its secret was shown once."""

    id: UUID
    label: str
    scopes: list[Permission]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenList(BaseModel):
    """The oldest first."""

    items: list[TokenView]


class NewToken(SecretBody):
    """What a token is called, what it is for, and for how long."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    scopes: Annotated[frozenset[Permission], Field(min_length=1)]
    days: Annotated[int, Field(ge=1, le=400)] = 90


class TokenSecret(BaseModel):
    """The secret, shown this once."""

    token: str


@router.get("/account")
def get_account(entrance: DoorDep, found: IdentityDep) -> AccountView:
    """Get one's own account."""
    person = _person(entrance, found)
    role = Role(person.role)
    return AccountView(
        name=person.name,
        role=role,
        unit=person.unit,
        crew=person.crew,
        areas=person.areas,
        is_demo=person.is_demo,
        has_password=person.password_hash is not None,
        has_second_factor=person.totp_secret is not None,
        scopes=sorted(FOR_TOKENS & GRANTS[role]),
    )


@router.get("/account/sessions")
def get_sessions(entrance: DoorDep, found: IdentityDep) -> SessionList:
    """List one's open sessions."""
    with entrance.held.thread_pool.connection() as connection:
        sessions = list_sessions(connection, found.actor.name, at=entrance.at)
    items = [asdict(session) | {"is_this": session.id == found.session_id} for session in sessions]
    return SessionList.model_validate({"items": items})


@router.delete("/account/sessions", status_code=HTTPStatus.NO_CONTENT)
def end_other_sessions(entrance: DoorDep, found: IdentityDep) -> None:
    """End all of one's sessions but this one."""
    with entrance.held.thread_pool.connection() as connection:
        end_sessions(connection, found.actor.name, at=entrance.at, but=found.session_id)


@router.delete("/account/sessions/{session_id}", status_code=HTTPStatus.NO_CONTENT)
def end_one_session(session_id: UUID, entrance: DoorDep, found: IdentityDep) -> None:
    """End one of one's sessions."""
    with entrance.held.thread_pool.connection() as connection:
        if not end_session(connection, session_id, person=found.actor.name, at=entrance.at):
            raise not_found(f"session {session_id}")


@router.put("/account/password", status_code=HTTPStatus.NO_CONTENT)
def change_password(body: NewPassword, entrance: DoorDep, found: IdentityDep) -> None:
    """Set a new password; all other sessions end."""
    person = _confirmed(entrance, found, body.current)
    check_strength(body.new, name=person.name)
    password_hash = hash_password(body.new)
    with entrance.held.thread_pool.connection() as connection:
        entrance.accounts(connection, person.name).set_password(person.name, password_hash)
        end_sessions(connection, person.name, at=entrance.at, but=found.session_id)


@router.post("/account/second-factor")
def draw_second_factor(entrance: DoorDep, found: IdentityDep) -> SecondFactorView:
    """Draw a secret for an authenticator app; it counts once its first code was shown."""
    _own_person(entrance, found)
    return SecondFactorView.model_validate(draw_secret(found.actor.name), from_attributes=True)


@router.put("/account/second-factor", status_code=HTTPStatus.NO_CONTENT)
def set_second_factor(body: SecondFactor, entrance: DoorDep, found: IdentityDep) -> None:
    """Use an authenticator app from now on."""
    person = _confirmed(entrance, found, body.password)
    step = step_of_code(body.code, secret=body.secret, at=entrance.at, last_step=None)
    if step is None:
        raise PersonError("the code does not fit: is the clock of the phone right?")
    with entrance.held.thread_pool.connection() as connection:
        sealed = entrance.held.vault.seal(body.secret)
        entrance.accounts(connection, person.name).set_second_factor(person.name, sealed, step=step)
        end_sessions(connection, person.name, at=entrance.at, but=found.session_id)


@router.post("/account/second-factor/remove", status_code=HTTPStatus.NO_CONTENT)
def remove_second_factor(body: Confirmation, entrance: DoorDep, found: IdentityDep) -> None:
    """Do without an authenticator app."""
    person = _confirmed(entrance, found, body.password)
    with entrance.held.thread_pool.connection() as connection:
        entrance.accounts(connection, person.name).set_second_factor(person.name, None)


@router.get("/account/tokens")
def get_tokens(entrance: DoorDep, found: IdentityDep) -> TokenList:
    """List one's tokens."""
    with entrance.held.thread_pool.connection() as connection:
        tokens = list_tokens(connection, found.actor.name, at=entrance.at)
    return TokenList.model_validate({"items": tokens}, from_attributes=True)


@router.post("/account/tokens", status_code=HTTPStatus.CREATED)
def make_token(body: NewToken, entrance: DoorDep, found: IdentityDep) -> TokenSecret:
    """Make a token for a program."""
    with entrance.held.thread_pool.connection() as connection:
        secret = add_token(
            connection,
            found.actor,
            label=body.label,
            scopes=body.scopes,
            at=entrance.at,
            expires_at=entrance.at + timedelta(days=body.days),
        )
        entrance.accounts(connection, found.actor.name).note(
            found.actor.name, "token_made", label=body.label, scopes=sorted(body.scopes)
        )
    return TokenSecret(token=secret)


@router.delete("/account/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
def end_one_token(token_id: UUID, entrance: DoorDep, found: IdentityDep) -> None:
    """End one of one's tokens."""
    with entrance.held.thread_pool.connection() as connection:
        if not end_token(connection, token_id, person=found.actor.name, at=datetime.now(UTC)):
            raise not_found(f"token {token_id}")


def _person(entrance: Door, found: Identity) -> Person:
    with entrance.held.thread_pool.connection() as connection:
        person = find_person(connection, found.actor.name)
    if person is None:
        raise not_found("account")
    return person


def _own_person(entrance: Door, found: Identity) -> Person:
    person = _person(entrance, found)
    if person.is_demo:
        raise PersonError("the account of a demo has no password and no second factor")
    return person


def _confirmed(entrance: Door, found: Identity, password: str) -> Person:
    """The account, after its owner has shown the password again; a stolen session cannot guess it fast."""
    person = _own_person(entrance, found)
    if person.password_hash is None:
        return person
    keys = [f"browser:session-{found.session_id}"]
    entrance.count(keys)
    if not is_password(password, password_hash=person.password_hash):
        raise SignInError("wrong_password", "the password is wrong")
    with entrance.held.thread_pool.connection() as connection:
        Attempt(connection=connection, keys=keys, at=entrance.at).forgive()
    return person
