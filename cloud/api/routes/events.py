"""Server-sent events: what changes, as it changes, without loss after a break."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field

from cloud.api.deps import ResourcesDep
from cloud.api.live import Change, Cursor, Hub, Subscription
from cloud.api.problems import ProblemError

router = APIRouter(tags=["events"])

HEARTBEAT_S: Final = 15.0
READY_S: Final = 5.0
_RETRY_MS: Final = 1000


def _checked(text: str) -> str:
    Cursor.parse(text)
    return text


CursorText = Annotated[
    str,
    Field(max_length=40, description="id of the last event that is known", examples=["1234-56"]),
    AfterValidator(_checked),
]


class EventStream(StreamingResponse):
    """Server-sent events (HTML standard, section 9.2)."""

    media_type = "text/event-stream"


@router.get("/events", response_class=EventStream)
async def get_events(
    held: ResourcesDep,
    after: Annotated[CursorText | None, Query()] = None,
    last_event_id: Annotated[CursorText | None, Header()] = None,
) -> EventStream:
    """Follow changes: `observation`, `finding`, `case` and `bus`.

    The first event is `ready`; its id is a cursor. `reset` says that changes after the given cursor are no longer
    kept: load the lists anew.
    """
    known = last_event_id or after
    try:
        await held.hub.wait_until_ready(timeout_s=READY_S)
    except TimeoutError:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "the database is away") from None
    events = follow(held.hub, Cursor.parse(known) if known else None)
    return EventStream(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def follow(hub: Hub, after: Cursor | None) -> AsyncGenerator[str]:
    """Text of the stream: what came after the cursor, then what comes, and a comment when nothing does."""
    with hub.subscribe() as subscription:
        if after is not None and not await hub.is_kept(after):
            after = None
            yield _event("reset", subscription.start, "{}")
        begin = subscription.start if after is None else after
        yield f"retry: {_RETRY_MS}\n" + _event("ready", begin, "{}")
        async for change in hub.replay(begin, up_to=subscription.start):
            yield _event(change.kind, change.cursor, change.payload)
        async for change in _live(subscription):
            if change is None:
                yield ": still here\n\n"
            elif change.cursor > begin:
                yield _event(change.kind, change.cursor, change.payload)


async def _live(subscription: Subscription) -> AsyncGenerator[Change | None]:
    """Changes as they come; none when it was quiet for a while. Ends when the subscription was closed."""
    while not subscription.is_closed:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                change = await subscription.queue.get()
        except TimeoutError:
            yield None
            continue
        if change is None:
            return
        yield change


def _event(kind: str, cursor: Cursor, payload: str) -> str:
    return f"id: {cursor}\nevent: {kind}\ndata: {payload}\n\n"
