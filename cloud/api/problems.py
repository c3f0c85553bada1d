"""Errors as RFC 9457 answers; the only place that turns one into the other."""

import json
import logging
from http import HTTPStatus
from typing import Final

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, JsonValue
from starlette.exceptions import HTTPException

from cloud.errors import (
    ActionForbiddenError,
    ActionNotAllowedError,
    AdmissionError,
    CaseNotFoundError,
    DecisionError,
    DecisionNotFoundError,
    DeviceNotFoundError,
    FurnitureError,
    IncidentNotFoundError,
    KeyReusedError,
    LinkError,
    LookError,
    LookNotFoundError,
    OrderError,
    PersonError,
    PersonNotFoundError,
    PhotoError,
    PictureNotAnnouncedError,
    PictureRefusedError,
    PictureTooLargeError,
    RequestNotFoundError,
    ReviewError,
    RollOutError,
    SignInError,
    StaleVersionError,
    ThingNotFoundError,
    TravelError,
    TravellerNotFoundError,
    UnavailableError,
    UntoldError,
    WeakPasswordError,
)

MEDIA_TYPE: Final = "application/problem+json"
_MAX_FAULTS: Final = 20

_log = logging.getLogger(__name__)


class Fault(BaseModel):
    """One wrong value in a request."""

    where: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[Fault] | None = None


class ProblemError(Exception):
    """An answer that is a problem."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        more: dict[str, JsonValue] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more
        super().__init__(detail)


def not_found(what: str) -> ProblemError:
    """Say that a thing is not there."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no {what}")


def answer(
    status: HTTPStatus,
    detail: str,
    *,
    faults: list[Fault] | None = None,
    headers: dict[str, str] | None = None,
    more: dict[str, JsonValue] | None = None,
) -> Response:
    """Make the answer of a problem; `more` are members of this kind of problem."""
    problem = Problem(title=status.phrase, status=status, detail=detail, faults=faults)
    content = json.dumps(problem.model_dump(mode="json", exclude_none=True) | (more or {}), ensure_ascii=False)
    return Response(content, status, headers={"Cache-Control": "no-store"} | (headers or {}), media_type=MEDIA_TYPE)


_STATUS_OF_ERROR: Final[dict[type[Exception], HTTPStatus]] = {
    PictureNotAnnouncedError: HTTPStatus.CONFLICT,
    PictureTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    PictureRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    CaseNotFoundError: HTTPStatus.NOT_FOUND,
    RequestNotFoundError: HTTPStatus.NOT_FOUND,
    ActionNotAllowedError: HTTPStatus.CONFLICT,
    StaleVersionError: HTTPStatus.CONFLICT,
    ActionForbiddenError: HTTPStatus.FORBIDDEN,
    OrderError: HTTPStatus.UNPROCESSABLE_ENTITY,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PhotoError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PersonError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PersonNotFoundError: HTTPStatus.NOT_FOUND,
    LinkError: HTTPStatus.NOT_FOUND,
    TravellerNotFoundError: HTTPStatus.NOT_FOUND,
    LookNotFoundError: HTTPStatus.NOT_FOUND,
    LookError: HTTPStatus.CONFLICT,
    TravelError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IncidentNotFoundError: HTTPStatus.NOT_FOUND,
    ReviewError: HTTPStatus.CONFLICT,
    UntoldError: HTTPStatus.CONFLICT,
    DecisionError: HTTPStatus.CONFLICT,
    DecisionNotFoundError: HTTPStatus.NOT_FOUND,
    FurnitureError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ThingNotFoundError: HTTPStatus.NOT_FOUND,
    RollOutError: HTTPStatus.CONFLICT,
    DeviceNotFoundError: HTTPStatus.NOT_FOUND,
    AdmissionError: HTTPStatus.FORBIDDEN,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def add_problem_answers(app: FastAPI) -> None:
    """Teach the application to answer every error with a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(SignInError, _on_sign_in)
    app.add_exception_handler(WeakPasswordError, _on_weak_password)
    for error in _STATUS_OF_ERROR:
        app.add_exception_handler(error, _on_known)
    for error in (psycopg.OperationalError, PoolTimeout):
        app.add_exception_handler(error, _on_no_database)
    for error in (psycopg.DataError, OverflowError):
        app.add_exception_handler(error, _on_impossible_value)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return answer(error.status, error.detail, headers=error.headers, more=error.more)


async def _on_http(_request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses: no such path, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    return answer(HTTPStatus(error.status_code), str(error.detail), headers=dict(error.headers or {}))


async def _on_invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = [
        Fault(where=".".join(str(part) for part in fault["loc"]), message=fault["msg"])
        for fault in error.errors()[:_MAX_FAULTS]
    ]
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the request has wrong values", faults=faults)


async def _on_known(_request: Request, error: Exception) -> Response:
    return answer(_STATUS_OF_ERROR[type(error)], str(error))


async def _on_sign_in(_request: Request, error: Exception) -> Response:
    if not isinstance(error, SignInError):
        raise error
    if error.wait_s:
        headers = {"Retry-After": str(error.wait_s)}
        return answer(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers=headers, more={"code": error.code})
    return answer(HTTPStatus.UNAUTHORIZED, str(error), more={"code": error.code})


async def _on_weak_password(_request: Request, error: Exception) -> Response:
    if not isinstance(error, WeakPasswordError):
        raise error
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), more={"code": error.code})


async def _on_no_database(request: Request, error: Exception) -> Response:
    _log.warning("database_away path=%s error=%s", request.url.path, type(error).__name__)
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, "the database is away", headers={"Retry-After": "5"})


async def _on_impossible_value(request: Request, error: Exception) -> Response:
    """Answer for a value that no column can hold, such as a text with a NUL, or a time next to which there is none."""
    _log.warning("impossible_value path=%s error=%s", request.url.path, type(error).__name__)
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the request has a value that cannot be kept or looked for")


async def _on_bug(request: Request, error: Exception) -> Response:
    _log.error("request_failed method=%s path=%s error=%s", request.method, request.url.path, type(error).__name__)
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its log says more")
