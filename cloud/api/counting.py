"""The layer around the web application that counts its requests."""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.declared import ROOT
from cloud.api.metrics import RECEIVED_BYTES, REQUEST_SECONDS, REQUESTS

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BROKEN_OFF: Final = "499"  # nobody was there any more to hear an answer (a habit of nginx)


class Counting:
    """Counts requests and how long they take, under names that no caller can choose."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, method = time.monotonic(), scope["method"] if scope["method"] in _METHODS else "other"
        told: list[str] = []
        received_bytes = 0

        async def receive_counted() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            return message

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.append(str(message["status"]))
                REQUEST_SECONDS.labels(method, route_of(scope)).observe(time.monotonic() - begun_s)
            await send(message)

        try:
            await self._app(scope, receive_counted, send_counted)
        finally:
            route = route_of(scope)
            REQUESTS.labels(method, route, told[0] if told else BROKEN_OFF).inc()
            RECEIVED_BYTES.labels(route).inc(received_bytes)


def route_of(scope: Scope) -> str:
    """The template of the route that a request was for; `none` in the API where there is none, else `pages`."""
    template = getattr(scope.get("route"), "path", None)
    if not scope["path"].startswith(f"{ROOT}/"):
        return "pages"
    if not isinstance(template, str):
        return "none"
    return template if template.startswith(ROOT) else f"{ROOT}{template}"  # of a router, without its prefix
