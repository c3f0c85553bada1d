"""What every answer carries and every request must keep to."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.problems import answer

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
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()",
}


class Guard:
    """Adds the security headers, and refuses a request whose announced body is too large."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._is_too_large(Headers(scope=scope).get("content-length")):
            detail = f"a body of at most {self._max_body_bytes} bytes is taken"
            await answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _is_too_large(self, content_length: str | None) -> bool:
        return content_length is not None and content_length.isdecimal() and int(content_length) > self._max_body_bytes
