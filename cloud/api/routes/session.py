"""Signing in and out."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from cloud.api.actors import IdentityDep, needs
from cloud.api.deps import ResourcesDep, SecretBody
from cloud.api.entrance import Credentials, Door
from cloud.api.oidc import Errand
from cloud.api.problems import not_found
from cloud.errors import SignInError, UnavailableError
from cloud.people.accounts import Person, find_bound, find_expected, find_person, list_people
from cloud.people.links import person_of_link, use_link
from cloud.people.model import Role
from cloud.people.passwords import check_strength, hash_password
from cloud.people.permissions import Permission
from cloud.people.sessions import end_session, end_sessions

router = APIRouter(tags=["session"])

_OPEN: Final = [needs(Permission.OPEN)]
_ERRAND_COOKIE: Final = "busense-errand"
_ERRAND_S: Final = 600
_ERRAND: Final = TypeAdapter(Errand)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,62}$")]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
Code = Annotated[str, Field(pattern=r"^\d{6}$")]
Secret = Annotated[str, Field(min_length=1, max_length=100)]


class SignIn(SecretBody):
    """Name, password, and the code of an authenticator app for those who have one."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    password: Password
    code: Code | None = None


class DemoSignIn(SecretBody):
    """The account of a demo."""

    name: Name


class Link(SecretBody):
    """The secret of a one-time link."""

    token: Secret


class Welcome(Link):
    """The secret of a one-time link, and the password that its owner wants."""

    password: Password


class SignedIn(BaseModel):
    """Who is signed in now."""

    name: str
    role: Role


class DemoPerson(BaseModel):
    """Somebody of a demo."""

    name: str
    role: Role
    crew: str | None


class SignInWays(BaseModel):
    """How one can sign in here."""

    provider: str | None
    """Label of the button that leads to the provider."""
    demo: list[DemoPerson]
    has_visitors: bool


def door(request: Request, held: ResourcesDep) -> Door:
    """The entrance for this request."""
    return Door(held=held, request=request, at=datetime.now(UTC))


DoorDep = Annotated[Door, Depends(door)]


@router.get("/sign-in", dependencies=_OPEN)
def get_sign_in_ways(held: ResourcesDep) -> SignInWays:
    """Tell how one can sign in."""
    demo: list[DemoPerson] = []
    if held.is_demo:
        with held.thread_pool.connection() as connection:
            people = [person for person in list_people(connection) if person.is_demo and person.disabled_at is None]
        demo = [DemoPerson(name=person.name, role=Role(person.role), crew=person.crew) for person in people]
    provider = held.oidc.label if held.oidc is not None else None
    return SignInWays(provider=provider, demo=demo, has_visitors=held.has_visitors)


@router.post("/session", dependencies=_OPEN, status_code=HTTPStatus.CREATED)
def sign_in(body: SignIn, response: Response, entrance: DoorDep) -> SignedIn:
    """Sign in; the session's secret comes as a cookie that scripts cannot read."""
    written = Credentials(name=body.name, password=body.password, code=body.code)
    return _signed_in(entrance.sign_in(written, response))


@router.post("/session/demo", dependencies=_OPEN, status_code=HTTPStatus.CREATED)
def sign_in_to_demo(body: DemoSignIn, response: Response, entrance: DoorDep) -> SignedIn:
    """Sign in as somebody of a demo, without a password."""
    with entrance.held.thread_pool.connection() as connection:
        person = find_person(connection, body.name)
    if not entrance.held.is_demo or person is None or not person.is_demo or person.disabled_at is not None:
        raise not_found("such demo account")
    entrance.admit(person, response, way="demo")
    return _signed_in(person)


@router.delete("/session", dependencies=[needs(Permission.ACCOUNT)], status_code=HTTPStatus.NO_CONTENT)
def sign_out(response: Response, entrance: DoorDep, found: IdentityDep) -> None:
    """Sign out."""
    if found.session_id is not None:
        with entrance.held.thread_pool.connection() as connection:
            end_session(connection, found.session_id, person=found.actor.name, at=entrance.at)
    entrance.dismiss(response)


@router.post("/welcome/name", dependencies=_OPEN)
def look_at_link(body: Link, entrance: DoorDep) -> DemoSignIn:
    """Tell whose one-time link it is."""
    with entrance.held.thread_pool.connection() as connection:
        return DemoSignIn(name=person_of_link(connection, body.token, at=entrance.at))


@router.post("/welcome", dependencies=_OPEN, status_code=HTTPStatus.CREATED)
def set_password_by_link(body: Welcome, response: Response, entrance: DoorDep) -> SignedIn:
    """Set a password by a one-time link, and sign in, but who has a second factor; other sessions of theirs end."""
    with entrance.held.thread_pool.connection() as connection:
        name = person_of_link(connection, body.token, at=entrance.at)
    check_strength(body.password, name=name)
    password_hash = hash_password(body.password)
    with entrance.held.thread_pool.connection() as connection:
        use_link(connection, body.token)
        accounts = entrance.accounts(connection, name)
        accounts.set_password(name, password_hash)
        end_sessions(connection, name, at=entrance.at)
        person = accounts.find(name)
    if person.totp_secret is not None:
        return _signed_in(person)  # the page asks for the code next
    entrance.admit(person, response, way="link")
    return _signed_in(person)


class OidcQuestion(BaseModel):
    """Where to go afterwards."""

    then: Annotated[str, Field(max_length=300, pattern=r"^/([A-Za-z0-9_?=&.,~%-][A-Za-z0-9_?=&.,~%/-]*)?$")] = "/"


@router.get("/oidc/start", dependencies=_OPEN, response_class=RedirectResponse, status_code=HTTPStatus.SEE_OTHER)
async def go_to_provider(question: Annotated[OidcQuestion, Query()], held: ResourcesDep) -> Response:
    """Go to the provider."""
    if held.oidc is None:
        raise not_found("provider configured")
    errand, address = await held.oidc.begin(then=question.then)
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    # Lax, since the provider leads back here: a strict cookie would not come along.
    response.set_cookie(
        _ERRAND_COOKIE,
        _ERRAND.dump_json(errand).hex(),
        max_age=_ERRAND_S,
        path="/api/v1/oidc",
        secure=held.is_secure,
        httponly=True,
        samesite="lax",
    )
    return response


class OidcAnswer(BaseModel):
    """What the provider sends back."""

    code: Annotated[str, Field(max_length=2000)] = ""
    state: Annotated[str, Field(max_length=200)] = ""
    iss: Annotated[str, Field(max_length=500)] | None = None
    error: Annotated[str, Field(max_length=200)] | None = None


@router.get("/oidc/callback", dependencies=_OPEN, response_class=RedirectResponse, status_code=HTTPStatus.SEE_OTHER)
async def come_from_provider(
    answer: Annotated[OidcAnswer, Query()], request: Request, entrance: DoorDep, held: ResourcesDep
) -> Response:
    """Come back from the provider; only those get in for whom there is an account."""
    if held.oidc is None:
        raise not_found("provider configured")
    try:
        errand = _read_errand(request.cookies, answer)
        stranger = await held.oidc.finish(errand, code=answer.code, issuer=answer.iss)
        response: Response = RedirectResponse(errand.then, HTTPStatus.SEE_OTHER)
        await run_in_threadpool(_admit, entrance, response, subject=stranger.subject, oidc_name=stranger.name)
    except (SignInError, UnavailableError) as error:
        code = error.code if isinstance(error, SignInError) else "provider_away"
        response = RedirectResponse(f"/login?{urlencode({'problem': code})}", HTTPStatus.SEE_OTHER)
    response.delete_cookie(_ERRAND_COOKIE, path="/api/v1/oidc")
    return response


def _read_errand(cookies: Mapping[str, str], answer: OidcAnswer) -> Errand:
    try:
        errand = _ERRAND.validate_json(bytes.fromhex(cookies.get(_ERRAND_COOKIE, "")))
    except (ValueError, ValidationError) as error:
        raise SignInError("provider", "this browser did not ask the provider") from error
    if answer.error is not None or not hmac.compare_digest(answer.state.encode(), errand.state.encode()):
        raise SignInError("provider", "the provider's answer does not belong to this browser")
    return errand


def _admit(entrance: Door, response: Response, *, subject: str, oidc_name: str | None) -> None:
    with entrance.held.thread_pool.connection() as connection:
        person = find_bound(connection, subject)
        if person is None and oidc_name is not None:
            person = find_expected(connection, oidc_name)
            if person is not None:
                entrance.accounts(connection, person.name).bind(person.name, subject)
    if person is None or person.disabled_at is not None:
        raise SignInError("no_account", "there is no account for this person")
    entrance.admit(person, response, way="provider")


def _signed_in(person: Person) -> SignedIn:
    return SignedIn(name=person.name, role=Role(person.role))
