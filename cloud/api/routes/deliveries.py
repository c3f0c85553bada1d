"""What left the system, and what did not: dead letters can be seen and sent again."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cloud.api.actors import WriterDep
from cloud.api.deps import DatabaseDep, Question, ResourcesDep, fetch_all
from cloud.api.problems import ProblemError, not_found
from cloud.cases.model import Actor, Role
from cloud.notify.repository import replay

router = APIRouter(tags=["deliveries"])

_LIST: Final = """
SELECT id, channel, target, state, case_id, payload ->> 'type' AS type, created_at, next_at, attempts, last_error,
    sent_at
FROM deliveries
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(cursor)s::uuid IS NULL OR id < %(cursor)s)
ORDER BY id DESC LIMIT %(limit)s
"""


class DeliveryView(BaseModel):
    """One event to one target."""

    id: UUID
    channel: Literal["webhook", "email", "chat"]
    target: str
    state: Literal["waiting", "sent", "dead"]
    case_id: UUID
    type: str
    created_at: datetime
    next_at: datetime
    attempts: int
    last_error: str | None
    sent_at: datetime | None


class DeliveryPage(BaseModel):
    """A page, newest first; `next` is the cursor of the next page."""

    items: list[DeliveryView]
    next: UUID | None


class DeliveryQuestion(Question):
    """Which deliveries."""

    state: Literal["waiting", "sent", "dead"] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: UUID | None = None


@router.get("/deliveries")
async def list_deliveries(
    question: Annotated[DeliveryQuestion, Query()], connection: DatabaseDep, actor: WriterDep
) -> DeliveryPage:
    """List deliveries, newest first."""
    _check_desk(actor)
    values = question.model_dump() | {"limit": question.limit + 1}
    records = await fetch_all(connection, _LIST, values)
    items = [DeliveryView.model_validate(record) for record in records[: question.limit]]
    return DeliveryPage(items=items, next=items[-1].id if len(records) > question.limit else None)


@router.post("/deliveries/{delivery_id}/replay", status_code=HTTPStatus.NO_CONTENT)
def replay_delivery(delivery_id: UUID, held: ResourcesDep, actor: WriterDep) -> None:
    """Try a dead delivery again."""
    _check_desk(actor)
    with held.thread_pool.connection() as connection:
        if not replay(connection, delivery_id, at=datetime.now(UTC)):
            raise not_found(f"dead delivery {delivery_id}")


def _check_desk(actor: Actor) -> None:
    if actor.role not in {Role.OPERATOR, Role.ADMIN}:
        raise ProblemError(HTTPStatus.FORBIDDEN, f"deliveries are not for {actor.role}")
