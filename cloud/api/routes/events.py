"""Server-sent events: what changes, as it changes, without loss after a break."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field

from cloud.api.actors import Credentials, IdentityDep, ScopeDep, is_still, needs
from cloud.api.deps import ResourcesDep
from cloud.api.live import Change, Cursor, Hub, Subscription
from cloud.api.problems import ProblemError
from cloud.people.permissions import Permission
from cloud.people.scope import Scope

router = APIRouter(tags=["events"], dependencies=[needs(Permission.SEE)])

HEARTBEAT_S: Final = 15.0
READY_S: Final = 5.0
_RETRY_MS: Final = 1000


Told = Callable[[Change], Awaitable[str | None]]
"""What a viewer is told of a change; nothing when it is not for them."""


def _checked(text: str) -> str:
    Cursor.parse(text)
    return text


CursorText = Annotated[
    str,
    Field(max_length=80, description="id of the last event that is known", examples=["1234-56"]),
    AfterValidator(_checked),
]


class EventStream(StreamingResponse):
    """Server-sent events (HTML standard, section 9.2)."""

    media_type = "text/event-stream"


@router.get("/events", response_class=EventStream)
async def get_events(  # noqa: PLR0917 - the framework passes by name
    request: Request,
    held: ResourcesDep,
    credentials: Credentials,
    identity: IdentityDep,
    scope: ScopeDep,
    after: Annotated[CursorText | None, Query()] = None,
    last_event_id: Annotated[CursorText | None, Header()] = None,
) -> EventStream:
    """Follow changes: `observation`, `finding`, `case` and `bus`; for the care desk `travel`, too.

    The first event is `ready`; its id is a cursor. `reset` says that changes after the given cursor are no longer
    kept: load the lists anew.
    """
    is_welcome = partial(is_still, identity, request, held, credentials)
    told = partial(tell_viewer, scope=scope, permissions=identity.permissions)
    return await open_stream(held.hub, last_event_id or after, told=told, is_welcome=is_welcome)


async def tell_viewer(change: Change, *, scope: Scope, permissions: frozenset[Permission]) -> str | None:
    """What somebody who looks at the pages is told of a change."""
    if change.kind == "ward" or (change.kind == "travel" and Permission.CARE not in permissions):
        return None
    return as_told(change, scope)


async def open_stream(
    hub: Hub, known: str | None, *, told: Told, is_welcome: Callable[[], Awaitable[bool]]
) -> EventStream:
    """Begin a stream of what a viewer is told.

    Raises:
        ProblemError: the database is away.
    """
    try:
        await hub.wait_until_ready(timeout_s=READY_S)
    except TimeoutError:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "the database is away") from None
    events = follow(hub, Cursor.parse(known) if known else None, told=told, is_welcome=is_welcome)
    return EventStream(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def follow(
    hub: Hub, after: Cursor | None, *, told: Told, is_welcome: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[str]:
    """Text of the stream: what came after the cursor, then what comes, and a comment when nothing does.

    It ends within a heartbeat when the viewer is no longer welcome.
    """
    with hub.subscribe() as subscription:
        if after is not None and not await hub.is_kept(after):
            after = None
            yield _event("reset", subscription.start, "{}")
        begin = subscription.start if after is None else after
        yield f"retry: {_RETRY_MS}\n" + _event("ready", begin, "{}")
        viewer = _Viewer(known=begin, told=told)
        async for change in hub.replay(begin, up_to=subscription.start):
            if text := await viewer.events([change]):
                yield text
        checked_s = time.monotonic()
        async for changes in _live(subscription):
            if time.monotonic() - checked_s >= HEARTBEAT_S:
                checked_s = time.monotonic()
                if not await is_welcome():
                    return
            if text := await viewer.events(changes) if changes else ": still here\n\n":
                yield text


@dataclass(slots=True, kw_only=True)
class _Viewer:
    """What somebody knows, and is told."""

    known: Cursor
    told: Told

    async def events(self, changes: Iterable[Change]) -> str:
        """Text of those that are new to them and for them: one piece, for each costs as much to send."""
        text: list[str] = []
        for change in changes:
            if not self.known.knows(change):
                self.known = self.known.after(change)
                if (payload := await self.told(change)) is not None:
                    text.append(_event(change.kind, self.known, payload))
        return "".join(text)


def as_told(change: Change, scope: Scope) -> str | None:
    """What this viewer is told of a change; none when the row is not there for them."""
    if scope.is_everything or change.kind in {"bus", "travel"}:
        return change.payload
    payload = json.loads(change.payload)
    match change.kind:
        case "case":
            is_seen = scope.has_case(unit=payload["unit_key"], lon=payload["lon"], lat=payload["lat"])
            return change.payload if is_seen else None
        case "finding":
            lon, lat = payload["geometry"]["coordinates"]
            case = payload["properties"]["case"]
            if case is not None and not scope.has_case(unit=case.get("unit"), lon=lon, lat=lat):
                payload["properties"]["case"] = None
            return json.dumps(payload) if scope.has_place(lon=lon, lat=lat) else None
        case _:
            return change.payload if scope.has_place(lon=payload["lon"], lat=payload["lat"]) else None


async def _live(subscription: Subscription) -> AsyncGenerator[Sequence[Change]]:
    """Changes as they come, those that are there in one go; none when it was quiet for a while.

    Ends when the subscription was closed.
    """
    queue = subscription.queue
    while not subscription.is_closed:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                come = [await queue.get()]
        except TimeoutError:
            yield ()
            continue
        come += [queue.get_nowait() for _ in range(queue.qsize())]
        if changes := [change for change in come if change is not None]:
            yield changes
        if None in come:
            return


def _event(kind: str, cursor: Cursor, payload: str) -> str:
    return f"id: {cursor}\nevent: {kind}\ndata: {payload}\n\n"
