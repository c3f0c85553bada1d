"""What people ask about their own data: the form of the public notice, and the office that answers."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from typing import IO, Annotated, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

from cloud.api.actors import ActorDep, ScopeDep, needs
from cloud.api.deps import Body, Database, DatabaseDep, Question, Resources, ResourcesDep, fetch_all, fetch_one
from cloud.api.problems import ProblemError, not_found
from cloud.api.routes.pictures import PictureHash, answer_once
from cloud.driving.clips import ClipDeed, note_look_at_pictures
from cloud.findings.catalogue import LocalName
from cloud.people.delays import network_of
from cloud.people.permissions import Permission
from cloud.people.scope import Scope
from cloud.requests.actions import SENDER, Order, RequestActions, Wish, read_wish
from cloud.requests.model import OPEN, RequestKind, RequestState, Step, steps_in
from cloud.requests.pictures import (
    MOST_CHOSEN,
    Around,
    Erased,
    FoundPicture,
    erase_pictures,
    export_pictures,
    find_pictures,
)
from cloud.requests.sends import take_send
from wire.units import Lat, Lon, Sha256


def _in_scope(scope: ScopeDep) -> Scope:
    """Requests are of no unit and no area: for whoever is limited to one they do not exist.

    Raises:
        ProblemError: the caller is.
    """
    if not scope.is_everything:
        raise not_found("request in your area or unit")
    return scope


public = APIRouter(tags=["notice"], dependencies=[needs(Permission.OPEN)])
router = APIRouter(tags=["data requests"], dependencies=[needs(Permission.HANDLE_REQUESTS), Depends(_in_scope)])

_IN_MEMORY_BYTES: Final = 8 * 2**20
_CHUNK_BYTES: Final = 256 * 1024
_COLUMNS: Final = """
SELECT r.id, r.number, r.kind, r.state, r.version, r.received_at, r.warn_at, r.due_at, r.decided_at, r.closed_at
FROM data_requests r
"""
# What must be answered first comes first; what is closed, the newest first.
_LIST: Final = (
    _COLUMNS
    + """
WHERE r.state = ANY(%(states)s)
ORDER BY (r.decided_at IS NULL) DESC, CASE WHEN r.decided_at IS NULL THEN r.due_at END, r.received_at DESC LIMIT 500
"""
)
_ONE: Final = _COLUMNS + "WHERE r.id = %(id)s"
_PERSON: Final = "SELECT wish, answer FROM data_request_persons WHERE request_id = %(id)s"
_HISTORY: Final = """
SELECT at, actor, action AS step, reason, from_state, to_state, details
FROM data_request_history WHERE request_id = %(id)s ORDER BY serial
"""
_STATES: Final = {
    "open": [RequestState.RECEIVED, RequestState.IDENTITY_CHECKED],
    "decided": [RequestState.ANSWERED, RequestState.REFUSED],
    "closed": [RequestState.CLOSED],
}

Words = Annotated[str, Field(max_length=4_000)]
Chosen = Annotated[list[Sha256], Field(min_length=1, max_length=MOST_CHOSEN)]


class _Body(Body):
    model_config = ConfigDict(str_strip_whitespace=True)


class NewDataRequest(_Body):
    """What somebody asks, and how they are reached."""

    kind: RequestKind
    name: Annotated[str, Field(min_length=1, max_length=100)]
    contact: Annotated[str, Field(min_length=3, max_length=200)]
    """Telephone, mail or postal address: by it the office finds out who asks, and answers."""
    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    place: Annotated[str, Field(max_length=300)] = ""
    """Where, in words."""
    from_at: AwareDatetime | None = None
    to_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.from_at is not None and self.to_at is not None and self.to_at < self.from_at:
            raise ValueError("from_at must not be after to_at")
        return self


class TakenRequest(BaseModel):
    """What somebody keeps of their request: its number, and until when it is answered."""

    number: str
    due_at: datetime


class DataRequestItem(BaseModel):
    """A request, without who asks."""

    id: UUID
    number: str
    kind: RequestKind
    state: RequestState
    version: int
    received_at: datetime
    warn_at: datetime
    due_at: datetime
    decided_at: datetime | None
    closed_at: datetime | None


class DataRequestList(BaseModel):
    """Requests; open ones by when they are due."""

    items: list[DataRequestItem]


class AskerView(BaseModel):
    """Who asks, and what; it is deleted some time after closing."""

    name: str
    contact: str
    text: str
    place: str
    from_at: datetime | None
    to_at: datetime | None
    answer: str | None


class DataRequestLine(BaseModel):
    """Who did what."""

    at: datetime
    actor: str
    step: Step
    reason: LocalName
    from_state: RequestState | None
    to_state: RequestState
    details: dict[str, JsonValue]


class DataRequestPage(DataRequestItem):
    """A request with who asks, what was done, and what can be done now."""

    person: AskerView | None
    """None: deleted."""
    history: list[DataRequestLine]
    steps: list[Step]


class StepBody(_Body):
    """A step; answering and refusing need words for who asked."""

    version: int
    words: Words = ""


class ChosenBody(_Body):
    """Pictures of a request."""

    version: int
    pictures: Chosen


class PictureQuestion(Question):
    """Where and when pictures were taken."""

    lon: Lon
    lat: Lat
    radius_m: Annotated[float, Field(gt=0, le=2_000)] = 100
    from_at: AwareDatetime
    to_at: AwareDatetime


class FoundPictures(BaseModel):
    """Pictures that were taken there and then, the oldest first."""

    items: list[FoundPicture]


class ErasureReport(BaseModel):
    """What an erasure did, counted afterwards; it stands in the history of the request."""

    erased: Erased
    is_proven: bool


class DataRequestQuestion(Question):
    """Which requests."""

    state: Literal["open", "decided", "closed"] = "open"


@public.post("/notice/requests", status_code=HTTPStatus.CREATED)
def post_request(body: NewDataRequest, request: Request, held: ResourcesDep) -> TakenRequest:
    """Ask for information about one's own data, or for its erasure."""
    at = datetime.now(UTC)
    network = network_of(request.client.host if request.client is not None else "")
    with held.thread_pool.connection() as connection:
        if wait := take_send(connection, network, at=at):
            wait_s = int(wait.total_seconds()) + 1
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS, "too many requests were sent", headers={"Retry-After": str(wait_s)}
            )
        door = RequestActions(connection=connection, handling=held.handling, vault=held.vault, actor=SENDER, at=at)
        taken = door.receive(Wish(**body.model_dump()), city=held.city)
    return TakenRequest(number=taken.number, due_at=taken.due_at)


@router.get("/data-requests")
async def get_requests(question: Annotated[DataRequestQuestion, Query()], connection: DatabaseDep) -> DataRequestList:
    """List requests: open ones by when they are due."""
    records = await fetch_all(connection, _LIST, {"states": _STATES[question.state]})
    return DataRequestList.model_validate({"items": records})


@router.get("/data-requests/{request_id}")
async def get_request(
    request_id: UUID, connection: DatabaseDep, held: ResourcesDep, actor: ActorDep
) -> DataRequestPage:
    """Show a request."""
    found = await fetch_one(connection, _ONE, {"id": request_id})
    if found is None:
        raise not_found(f"request {request_id}")
    steps = steps_in(RequestState(found["state"]), RequestKind(found["kind"]), actor.role)
    person = await _person(connection, request_id, held)
    history = await fetch_all(connection, _HISTORY, {"id": request_id})
    return DataRequestPage.model_validate(found | {"person": person, "history": history, "steps": steps})


@router.post("/data-requests/{request_id}/steps/{step}")
def post_step(
    request_id: UUID,
    step: Literal["check_identity", "answer", "refuse", "close"],
    body: StepBody,
    held: ResourcesDep,
    actor: ActorDep,
) -> dict[str, RequestState]:
    """Note that it is known who asks, answer, refuse with the reason, or close."""
    with held.thread_pool.connection() as connection:
        door = RequestActions(
            connection=connection, handling=held.handling, vault=held.vault, actor=actor, at=datetime.now(UTC)
        )
        done = door.act(request_id, Order(step=Step(step), words=body.words), version=body.version)
    return {"state": done.state}


@router.get("/data-requests/{request_id}/pictures")
def get_pictures(request_id: UUID, question: Annotated[PictureQuestion, Query()], held: ResourcesDep) -> FoundPictures:
    """Find the pictures that a request may be about, by place and time."""
    around = Around(**question.model_dump())
    with held.thread_pool.connection() as connection:
        if connection.execute("SELECT FROM data_requests WHERE id = %s", (request_id,)).fetchone() is None:
            raise not_found(f"request {request_id}")
        return FoundPictures(items=find_pictures(connection, around))


@router.get("/data-requests/{request_id}/pictures/{sha256}", response_class=StreamingResponse)
async def get_picture(
    request_id: UUID, sha256: PictureHash, connection: DatabaseDep, held: ResourcesDep, actor: ActorDep
) -> Response:
    """Get a picture that an open request may be about; of an event at the wheel its driver reads who looked."""
    found = await fetch_one(connection, _ONE, {"id": request_id})
    if found is None or found["state"] not in OPEN:
        raise not_found(f"open request {request_id}")
    answer = await answer_once(sha256, connection, held)
    await run_in_threadpool(_note_look, held, sha256, by=actor.name)
    return answer


@router.post(
    "/data-requests/{request_id}/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "the pictures, and what is known of each"}},
)
def post_export(request_id: UUID, body: ChosenBody, held: ResourcesDep, actor: ActorDep) -> StreamingResponse:
    """Hand out chosen pictures as a zip file; it is noted which, and told to drivers whose events they show."""
    at = datetime.now(UTC)
    with ExitStack() as stack, held.thread_pool.connection() as connection:
        target = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))
        door = RequestActions(connection=connection, handling=held.handling, vault=held.vault, actor=actor, at=at)
        order = Order(step=Step.EXPORT, pictures=body.pictures)
        request = door.act(request_id, order, version=body.version)
        export_pictures(connection, held.pictures, body.pictures, target=target)
        note_look_at_pictures(connection, body.pictures, ClipDeed.HAND_OUT, by=actor.name, at=at)
        stack.pop_all()  # it is closed when it was sent
    target.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{request.number}.zip"'}
    return StreamingResponse(_parts(target), media_type="application/zip", headers=headers)


@router.post("/data-requests/{request_id}/erasure")
def post_erasure(request_id: UUID, body: ChosenBody, held: ResourcesDep, actor: ActorDep) -> ErasureReport:
    """Erase chosen pictures for good; the observations stay. The report stands in the history."""
    at = datetime.now(UTC)
    with held.thread_pool.connection() as connection:
        door = RequestActions(connection=connection, handling=held.handling, vault=held.vault, actor=actor, at=at)
        door.check(request_id, Step.ERASE, version=body.version)
        erased = erase_pictures(connection, held.pictures, body.pictures, at=at)
        door.act(request_id, Order(step=Step.ERASE, pictures=body.pictures, details=erased.as_details()))
    return ErasureReport(erased=erased, is_proven=erased.is_proven)


async def _person(connection: Database, request_id: UUID, held: ResourcesDep) -> AskerView | None:
    row = await fetch_one(connection, _PERSON, {"id": request_id})
    if row is None:
        return None
    wish = read_wish(held.vault.unseal(row["wish"]))
    answer = None if row["answer"] is None else held.vault.unseal(row["answer"])
    return AskerView.model_validate(asdict(wish) | {"answer": answer})


def _note_look(held: Resources, sha256: str, *, by: str) -> None:
    with held.thread_pool.connection() as connection:
        note_look_at_pictures(connection, [sha256], ClipDeed.VIEW, by=by, at=datetime.now(UTC))


def _parts(source: IO[bytes]) -> Iterator[bytes]:
    with source:
        while part := source.read(_CHUNK_BYTES):
            yield part
