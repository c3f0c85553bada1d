"""Who asks, by session or token, and what a route needs of them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import psycopg
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg_pool import PoolTimeout

from cloud.api.deps import Resources, ResourcesDep
from cloud.api.guard import CALLER, Caller
from cloud.api.problems import ProblemError
from cloud.cases.scope import scope_of
from cloud.people.model import Actor, Role
from cloud.people.permissions import ALWAYS, GRANTS, VISITOR, Permission, token_permissions
from cloud.people.scope import Scope
from cloud.people.sessions import find_session
from cloud.people.tokens import find_token

SESSION_COOKIE: Final = "busense"
SECURE_PREFIX: Final = "__Host-"

_FOUND: Final = "busense.identity"
"""Where a request's scope holds who asks, once it was found out before any route."""
_ANYBODY: Final = Actor(name="anybody", role=Role.VIEWER)
_bearer: Final[Any] = HTTPBearer(auto_error=False, description="a token of an account, or the session's cookie")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks, how we know, and what they may do."""

    actor: Actor
    permissions: frozenset[Permission]
    way: Literal["visitor", "session", "token"]
    session_id: UUID | None = None


async def identify(request: Request, held: ResourcesDep, credentials: Credentials) -> Identity | None:
    """Tell who asks; none when somebody has not signed in and visitors may not look.

    Raises:
        ProblemError: the token is not known (any more).
    """
    if _FOUND in request.scope:
        return request.scope[_FOUND]
    return await _look_up(request, held, credentials)


async def _look_up(request: Request, held: Resources, credentials: Credentials) -> Identity | None:
    at = datetime.now(UTC)
    if credentials is not None:
        async with held.pool.connection() as connection:
            by_token = await find_token(connection, credentials.credentials, at=at)
        note_caller(request, is_known=by_token is not None)
        if by_token is None:
            raise _unauthorized("this token is not known, or no longer good")
        scopes, actor = by_token
        return Identity(actor=actor, permissions=token_permissions(actor.role, scopes), way="token")
    if (secret := request.cookies.get(cookie_name(held.is_secure))) is not None:
        async with held.pool.connection() as connection:
            by_session = await find_session(connection, secret, at=at)
        note_caller(request, is_known=by_session is not None)
        if by_session is not None:
            session_id, actor = by_session
            return Identity(actor=actor, permissions=GRANTS[actor.role], way="session", session_id=session_id)
    return Identity(actor=_ANYBODY, permissions=VISITOR, way="visitor") if held.has_visitors else None


async def who_asks(request: Request, held: Resources) -> Identity | None:
    """Tell who asks, before any route is looked for; as `identify` does, which does not ask again."""
    found = request.scope[_FOUND] = await _look_up(request, held, await _bearer(request))
    return found


def note_caller(request: Request, *, is_known: bool) -> None:
    """Tell the guard whether what the caller showed is known."""
    caller = request.scope.get(CALLER)
    if isinstance(caller, Caller):
        caller.is_known, caller.is_stranger = is_known, not is_known


async def is_still(found: Identity, request: Request, held: Resources, credentials: Credentials) -> bool:
    """Whether somebody who asked some time ago would be let in as the same now; yes while the database is away."""
    try:
        return await _look_up(request, held, credentials) == found
    except ProblemError:
        return False
    except (psycopg.Error, PoolTimeout):
        return True


MaybeIdentity = Annotated[Identity | None, Depends(identify)]


def known(found: MaybeIdentity) -> Identity:
    """Who asks; it must be somebody.

    Raises:
        ProblemError: nobody is signed in.
    """
    if found is None:
        raise _unauthorized("sign in first")
    return found


IdentityDep = Annotated[Identity, Depends(known)]


def asking(found: IdentityDep) -> Actor:
    """Who asks, as cases know them."""
    return found.actor


def seen_by(found: IdentityDep, held: ResourcesDep) -> Scope:
    """Which rows there are for who asks; a token that is not for cases has none, whoever owns it."""
    scope = scope_of(found.actor, held.handling)
    return replace(scope, sees_cases=scope.sees_cases and Permission.SEE_CASES in found.permissions)


ActorDep = Annotated[Actor, Depends(asking)]
ScopeDep = Annotated[Scope, Depends(seen_by)]


def _is_of_this_crew(
    actor: ActorDep,
    x_busense_crew: Annotated[
        str | None, Header(max_length=64, description="which crew means it; refused when another one is signed in")
    ] = None,
) -> None:
    """Refuse what waited on a phone while another crew signed in there."""
    if x_busense_crew is not None and x_busense_crew != actor.crew:
        raise ProblemError(
            HTTPStatus.PRECONDITION_FAILED, f"crew {x_busense_crew} means this, and somebody else is signed in"
        )


OF_THIS_CREW: Final[Any] = Depends(_is_of_this_crew)


class Open:
    """A route for everybody, or one that knows devices by itself."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self) -> None:
        """Let it pass."""


class Needs:
    """A route for those who may do something."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, found: IdentityDep) -> None:
        """Let those pass who may.

        Raises:
            ProblemError: they may not.
        """
        if self.permission not in found.permissions:
            if found.way == "visitor":
                raise _unauthorized("sign in first")
            raise ProblemError(
                HTTPStatus.FORBIDDEN, f"this needs {self.permission}, which {found.actor.role} has not here"
            )


def needs(permission: Permission) -> Any:  # noqa: ANN401 - as the framework types it
    """Declare what a route needs."""
    return Depends(Open(permission) if permission in ALWAYS else Needs(permission))


def cookie_name(is_secure: bool) -> str:  # noqa: FBT001 - the only thing that it depends on
    """Name of the session's cookie; browsers take one with this prefix only over TLS, and from this host alone."""
    return f"{SECURE_PREFIX}{SESSION_COOKIE}" if is_secure else SESSION_COOKIE


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
