"""What waits for a person: messages of the quarantine, and work that was set aside."""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, LiteralString
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg import Connection
from psycopg.rows import dict_row
from pydantic import BaseModel, Field, JsonValue

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Body, Database, DatabaseDep, Question, Record, ResourcesDep, fetch_all
from cloud.api.problems import ProblemError, not_found
from cloud.db import aside, upkeep
from cloud.db.upkeep import Deed, Thing
from cloud.ingest.mending import MendingRule, mend
from cloud.ingest.quarantine import Quarantined, discard, find_quarantined
from cloud.ingest.reading import Rejected, read_delivery
from cloud.ingest.replay import Replayer
from cloud.ingest.subscriber import Delivery
from cloud.people.permissions import Permission

router = APIRouter(tags=["upkeep"], dependencies=[needs(Permission.UPKEEP)])

_SHOWN_BYTES: Final = 65_536
_MESSAGES: Final = """
SELECT id, received_at, topic, reason, detail, city, device, event_id, octet_length(payload) AS size_bytes,
    replayed_at AS settled_at, mended_by, discard_reason
FROM quarantine
WHERE CASE %(state)s::text WHEN 'waiting' THEN replayed_at IS NULL WHEN 'discarded' THEN discard_reason IS NOT NULL
        WHEN 'done' THEN replayed_at IS NOT NULL AND discard_reason IS NULL ELSE TRUE END
    AND (%(reason)s::text IS NULL OR reason = %(reason)s) AND (%(cursor)s::bigint IS NULL OR id < %(cursor)s)
ORDER BY id DESC LIMIT %(limit)s
"""
_REASONS: Final = """
SELECT reason, count(*) AS count FROM quarantine WHERE replayed_at IS NULL GROUP BY reason ORDER BY count DESC, reason
"""
_WORK: Final = """
SELECT id, at, kind, subject, reason, detail, returned_at AS settled_at, discard_reason
FROM set_aside
WHERE CASE %(state)s::text WHEN 'waiting' THEN returned_at IS NULL WHEN 'discarded' THEN discard_reason IS NOT NULL
        WHEN 'done' THEN returned_at IS NOT NULL AND discard_reason IS NULL ELSE TRUE END
    AND (%(cursor)s::bigint IS NULL OR id < %(cursor)s)
ORDER BY id DESC LIMIT %(limit)s
"""
_ONE: Final = """
SELECT id, at, kind, subject, reason, detail, returned_at AS settled_at, discard_reason FROM set_aside WHERE id = %s
"""

State = Literal["waiting", "done", "discarded"]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Discard(Body):
    """Why it is given up."""

    reason: Reason


class Try(Body):
    """How it is tried again: as it came, or mended by a rule."""

    rule: MendingRule | None = None


class TryMany(Try):
    """The same for all that waits, or waits for a reason; page by page."""

    reason: str | None = None
    after: int = 0


class Tried(BaseModel):
    """What became of a page; `next` is where the next one begins."""

    stored: int
    stay: int
    next: int | None


class DeedView(BaseModel):
    """What somebody did with it."""

    at: datetime
    actor: str
    action: Deed
    reason: str | None
    details: dict[str, JsonValue]


class MessageView(BaseModel):
    """A message that could not be stored."""

    id: int
    state: State
    received_at: datetime
    topic: str
    reason: str
    detail: str
    city: str | None
    device: str | None
    event_id: UUID | None
    size_bytes: int
    settled_at: datetime | None
    mended_by: str | None
    discard_reason: str | None


class MessageDetail(MessageView):
    """The same with what it says and what was done with it."""

    payload: str
    """Its bytes as text, what is none of it as \\xNN; at most 64 KiB."""
    deeds: list[DeedView]


class Mended(BaseModel):
    """What a rule makes of a message, and whether it could be read then."""

    payload: str
    is_for_it: bool
    is_readable: bool
    reason: str | None
    detail: str | None


class ReasonCount(BaseModel):
    """How many messages wait for a reason."""

    reason: str
    count: int


class MessagePage(BaseModel):
    """A page, newest first; `next` is the cursor of the next page."""

    items: list[MessageView]
    waiting: list[ReasonCount]
    next: int | None


class WorkView(BaseModel):
    """Work that failed by its own fault."""

    id: int
    state: State
    at: datetime
    kind: aside.Kind
    subject: dict[str, JsonValue]
    reason: str
    detail: str
    settled_at: datetime | None
    discard_reason: str | None


class WorkDetail(WorkView):
    """The same with what was done with it."""

    deeds: list[DeedView]


class WorkPage(BaseModel):
    """A page, newest first; `next` is the cursor of the next page."""

    items: list[WorkView]
    next: int | None


class PageQuestion(Question):
    """Which page."""

    state: State | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Number | None = None


class MessageQuestion(PageQuestion):
    """Which messages."""

    reason: str | None = None


@router.get("/quarantine")
async def list_messages(question: Annotated[MessageQuestion, Query()], connection: DatabaseDep) -> MessagePage:
    """List messages of the quarantine, newest first, and why how many wait."""
    items, following = await _page(connection, _MESSAGES, question)
    waiting = await fetch_all(connection, _REASONS)
    return MessagePage.model_validate({"items": items, "next": following, "waiting": waiting})


@router.get("/quarantine/{number}")
async def read_message(number: Number, connection: DatabaseDep) -> MessageDetail:
    """Show one message with its bytes."""
    return await _message(connection, number)


@router.post("/quarantine/{number}/mend")
async def mend_message(number: Number, body: MendingRule, connection: DatabaseDep) -> Mended:
    """Show what a rule would make of a message; nothing is changed."""
    item = await _find(connection, number)
    payload = mend(item.payload, body)
    read = read_delivery(Delivery(topic=item.topic, payload=payload, received_at=item.received_at))
    rejected = read if isinstance(read, Rejected) else None
    return Mended(
        payload=_text(payload),
        is_for_it=body.fits(item.reason, item.topic),
        is_readable=rejected is None,
        reason=rejected.reason if rejected else None,
        detail=rejected.detail if rejected else None,
    )


@router.post("/quarantine/{number}/replay")
async def replay_message(number: Number, body: Try, held: ResourcesDep, actor: ActorDep) -> MessageDetail:
    """Try to store a waiting message again, as it came or mended by a rule; it is stored then, or stays."""
    async with held.pool.connection() as connection, held.open_handler() as handler:
        item = await _find(connection, number)
        if item.replayed_at is not None:
            raise ProblemError(HTTPStatus.CONFLICT, f"message {number} waits no longer")
        if body.rule is not None and not body.rule.fits(item.reason, item.topic):
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"the rule is not for message {number}")
        await Replayer(connection=connection, handler=handler, actor=actor.name).replay(item, rule=body.rule)
        return await _message(connection, number)


@router.post("/quarantine/replay")
async def replay_messages(body: TryMany, held: ResourcesDep, actor: ActorDep) -> Tried:
    """Try a page of what waits again: all, what lies there for a reason, or what a rule is for."""
    async with held.pool.connection() as connection, held.open_handler() as handler:
        replayer = Replayer(connection=connection, handler=handler, actor=actor.name)
        stored, stay, following = await replayer.replay_page(after=body.after, rule=body.rule, reason=body.reason)
        return Tried(stored=stored, stay=stay, next=following)


@router.post("/quarantine/{number}/discard")
async def discard_message(number: Number, body: Discard, connection: DatabaseDep, actor: ActorDep) -> MessageDetail:
    """Give a waiting message up, for a reason."""
    await _find(connection, number)
    if not await discard(connection, number, reason=body.reason, actor=actor.name):
        raise ProblemError(HTTPStatus.CONFLICT, f"message {number} waits no longer")
    return await _message(connection, number)


@router.get("/set-aside")
async def list_work(question: Annotated[PageQuestion, Query()], connection: DatabaseDep) -> WorkPage:
    """List work that was set aside, newest first."""
    items, following = await _page(connection, _WORK, question)
    return WorkPage.model_validate({"items": items, "next": following})


@router.get("/set-aside/{number}")
def read_work(number: Number, held: ResourcesDep) -> WorkDetail:
    """Show one with where it failed."""
    with held.thread_pool.connection() as connection:
        return _work(connection, number)


@router.post("/set-aside/{number}/return")
def return_work(number: Number, held: ResourcesDep, actor: ActorDep) -> WorkDetail:
    """Let it be tried again, after what was wrong was put right."""
    with held.thread_pool.connection() as connection:
        return _settle(connection, number, aside.give_back(connection, number, actor=actor.name))


@router.post("/set-aside/{number}/discard")
def discard_work(number: Number, body: Discard, held: ResourcesDep, actor: ActorDep) -> WorkDetail:
    """Give it up, for a reason: nobody tries it again."""
    with held.thread_pool.connection() as connection:
        return _settle(connection, number, aside.discard(connection, number, reason=body.reason, actor=actor.name))


async def _page(connection: Database, statement: LiteralString, question: PageQuestion) -> tuple[list[Record], Any]:
    records = await fetch_all(connection, statement, question.model_dump() | {"limit": question.limit + 1})
    items = [
        record | {"state": _state(record["settled_at"], record["discard_reason"])}
        for record in records[: question.limit]
    ]
    return items, items[-1]["id"] if len(records) > question.limit else None


async def _find(connection: Database, number: int) -> Quarantined:
    item = await find_quarantined(connection, number)
    if item is None:
        raise not_found(f"message {number} in the quarantine")
    return item


async def _message(connection: Database, number: int) -> MessageDetail:
    item = await _find(connection, number)
    deeds = await fetch_all(connection, upkeep.LIST, {"thing": Thing.QUARANTINE, "number": number})
    more = {
        "state": _state(item.replayed_at, item.discard_reason),
        "size_bytes": len(item.payload),
        "settled_at": item.replayed_at,
        "payload": _text(item.payload),
        "deeds": deeds,
    }
    return MessageDetail.model_validate(asdict(item) | more)


def _work(connection: Connection[Any], number: int) -> WorkDetail:
    with connection.cursor(row_factory=dict_row) as cursor:
        record = cursor.execute(_ONE, (number,)).fetchone()
        deeds = cursor.execute(upkeep.LIST, {"thing": Thing.SET_ASIDE, "number": number}).fetchall()
    if record is None:
        raise not_found(f"work {number} set aside")
    state = _state(record["settled_at"], record["discard_reason"])
    return WorkDetail.model_validate(record | {"state": state, "deeds": deeds})


def _settle(connection: Connection[Any], number: int, is_done: bool) -> WorkDetail:  # noqa: FBT001 - what was done
    work = _work(connection, number)
    if not is_done:
        raise ProblemError(HTTPStatus.CONFLICT, f"work {number} waits no longer")
    return work


def _state(settled_at: datetime | None, discard_reason: str | None) -> State:
    if settled_at is None:
        return "waiting"
    return "done" if discard_reason is None else "discarded"


def _text(payload: bytes) -> str:
    return payload[:_SHOWN_BYTES].decode(errors="backslashreplace")
