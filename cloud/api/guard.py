"""What every answer carries and every request must keep to."""

import asyncio
import hashlib
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.buckets import Buckets, Familiar
from cloud.api.problems import answer
from cloud.people.delays import network_of

MAX_JSON_BYTES: Final = 262_144
BODY_GRACE_S: Final = 30.0
SLOWEST_BYTES_PER_S: Final = 2_048
"""A body must come at least this fast on the whole, after the grace: a bus at the edge of a cell does."""
REQUESTS_PER_S: Final = 50.0
BURST: Final = 500.0
UNKNOWN_PER_S: Final = 0.5
UNKNOWN_BURST: Final = 20.0
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SIGN_IN: Final = frozenset(
    f"/api/v1/{name}" for name in ("session", "session/demo", "welcome", "welcome/name", "sign-in")
)
"""These count wrong passwords by themselves; a session that has ended must not keep anybody from signing in."""
CALLER: Final = "busense.caller"

_SOURCES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",  # the map draws into blobs
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",  # the map's worker
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _SOURCES.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()",
    "Cache-Control": "no-store",
}
_TLS_HEADERS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not taken."""

    status: HTTPStatus
    detail: str
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Caller:
    """What was found out about who sent a request; the routes fill it in."""

    is_known: bool = False
    is_stranger: bool = False
    """It showed a token, a secret or a session that is not known (any more)."""


class Guard:
    """Adds the security headers, and refuses what is too large, too slow, too much, or sent by another site."""

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, origin: str | None, body_grace_s: float = BODY_GRACE_S
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._origin = origin
        self._body_grace_s = body_grace_s
        self._headers = _HEADERS | (_TLS_HEADERS if (origin or "").startswith("https://") else {})
        self._asked = Buckets(per_s=REQUESTS_PER_S, burst=BURST)
        self._unknown = Buckets(per_s=UNKNOWN_PER_S, burst=UNKNOWN_BURST)
        self._familiar = Familiar()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, address = Headers(scope=scope), network_of((scope.get("client") or ("",))[0])
        credential = None if scope["path"] in _SIGN_IN else _credential_of(headers)
        caller = scope[CALLER] = Caller()

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._learn(caller, message["status"], address=address, credential=credential)
                present = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    present.setdefault(name, value)
            await send(message)

        refusals = (
            self._too_much(address=address, credential=credential),
            self._from_elsewhere(scope, headers),
            self._too_large(headers),
        )
        refusal = next((each for each in refusals if each is not None), None)
        if refusal is not None:
            await answer(refusal.status, refusal.detail, headers=refusal.headers)(scope, receive, send_guarded)
            return
        body = _Body(receive, limit=self._limit_of(headers), grace_s=self._body_grace_s)
        await self._app(scope, body.receive, send_guarded)

    def _too_much(self, *, address: str, credential: str | None) -> Refusal | None:
        is_familiar = credential is not None and credential in self._familiar
        if credential is not None and not is_familiar and (wait_s := self._unknown.wait_of(address)):
            return _later("too many unknown tokens from this address", wait_s)
        caller = credential if credential is not None and is_familiar else f"address {address}"
        wait_s = self._asked.take(caller)
        return _later("too many requests", wait_s) if wait_s else None

    def _learn(self, caller: Caller, status: int, *, address: str, credential: str | None) -> None:
        if credential is None:
            return
        if caller.is_known:
            self._familiar.add(credential)
        elif caller.is_stranger or status == HTTPStatus.UNAUTHORIZED:
            self._familiar.drop(credential)
            self._unknown.take(address)

    def _from_elsewhere(self, scope: Scope, headers: Headers) -> Refusal | None:
        """A change asked for by a page of another site, in the name of whoever is signed in here (CSRF)."""
        if scope["method"] in _SAFE or _shows_token(headers):
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        is_ours = (
            site in {None, "same-origin", "none"}
            and (origin is None or self._is_own(origin, headers))
            and (site is not None or origin is not None or "cookie" not in headers)
        )
        return None if is_ours else Refusal(HTTPStatus.FORBIDDEN, "this was not sent by a page of this server")

    def _is_own(self, origin: str, headers: Headers) -> bool:
        if self._origin is not None:
            return origin == self._origin
        return urlsplit(origin).netloc == headers.get("host")

    def _too_large(self, headers: Headers) -> Refusal | None:
        length, limit = headers.get("content-length"), self._limit_of(headers)
        if length is not None and length.isdecimal() and int(length) > limit:
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large_text(limit))
        return None

    def _limit_of(self, headers: Headers) -> int:
        is_binary = headers.get("content-type", "").startswith(("image/", "application/octet-stream"))
        is_binary = is_binary or "x-busense-device" in headers
        return self._max_body_bytes if is_binary else min(self._max_body_bytes, MAX_JSON_BYTES)


class _Body:
    """A request's body as it comes; counted and timed until it is there."""

    def __init__(self, receive: Receive, *, limit: int, grace_s: float) -> None:
        self._receive, self._limit, self._grace_s = receive, limit, grace_s
        self._begun_s = time.monotonic()
        self._bytes = 0
        self._is_complete = False

    async def receive(self) -> Message:
        """Hand on the next piece.

        Raises:
            HTTPException: there is too much of it, or it comes too slowly.
        """
        if self._is_complete:  # only waits for the end of the connection, as long as the answer takes
            return await self._receive()
        left_s = self._begun_s + self._grace_s + self._bytes / SLOWEST_BYTES_PER_S - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body comes too slowly") from error
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
        if self._bytes > self._limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large_text(self._limit))
        return message


def _credential_of(headers: Headers) -> str | None:
    """A name for what the caller proves itself by, without keeping it."""
    shown = [headers.get("authorization"), headers.get("x-busense-device"), *_session_of(headers.getlist("cookie"))]
    parts = [part for part in shown if part]
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest() if parts else None


def _shows_token(headers: Headers) -> bool:
    """Whether a token counts here; with any other word in that header it is the session's cookie that does."""
    scheme, token = get_authorization_scheme_param(headers.get("authorization"))
    return scheme.lower() == "bearer" and bool(token)


def _session_of(cookies: Iterable[str]) -> list[str]:
    pairs = (pair.strip() for line in cookies for pair in line.split(";"))
    return [pair for pair in pairs if pair.partition("=")[0] in {"busense", "__Host-busense"}]


def _later(detail: str, wait_s: float) -> Refusal:
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(math.ceil(wait_s))})


def _too_large_text(limit: int) -> str:
    return f"a body of at most {limit} bytes is taken"
