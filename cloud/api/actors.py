"""Who asks: by a bearer token."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cloud.api.problems import ProblemError
from cloud.cases.actors import ANYBODY, Actors
from cloud.cases.model import Actor

_bearer: Final[Any] = HTTPBearer(auto_error=False, description="a token of `busense actors add`")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def viewer(request: Request, credentials: Credentials) -> Actor:
    """Who asks; somebody without a token may look."""
    actors: Actors | None = request.app.state.resources.actors
    if credentials is None:
        return ANYBODY
    if actors is None:
        raise ProblemError(HTTPStatus.FORBIDDEN, "this server is read-only: serve.actors_file is not set")
    found = actors.find(credentials.credentials)
    if found is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "this token is not known", headers={"WWW-Authenticate": "Bearer"})
    return found


ViewerDep = Annotated[Actor, Depends(viewer)]


def writer(request: Request, actor: ViewerDep) -> Actor:
    """Who wants to change something; that needs a token."""
    if request.app.state.resources.actors is None:
        raise ProblemError(HTTPStatus.FORBIDDEN, "this server is read-only: serve.actors_file is not set")
    if actor is ANYBODY:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "a token is expected", headers={"WWW-Authenticate": "Bearer"})
    return actor


WriterDep = Annotated[Actor, Depends(writer)]
