"""What left the system, and what did not: dead letters can be seen and sent again."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import DatabaseDep, Question, ResourcesDep, fetch_all
from cloud.api.problems import not_found
from cloud.cases.scope import require_in_scope, scope_of
from cloud.notify.repository import replay
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_CASE, SCOPE_PLACE

router = APIRouter(tags=["deliveries"], dependencies=[needs(Permission.SEE_DELIVERIES)])

_LIST: Final = (
    """
SELECT id, channel, target, state, case_id, payload ->> 'type' AS type, created_at, next_at, attempts, last_error,
    sent_at
FROM deliveries d
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(cursor)s::uuid IS NULL OR id < %(cursor)s)
    AND EXISTS (SELECT FROM cases c JOIN findings f ON f.id = c.finding_id WHERE c.id = d.case_id AND
"""
    + SCOPE_CASE
    + "AND"
    + SCOPE_PLACE
    + ") ORDER BY id DESC LIMIT %(limit)s"
)
_CASE: Final = "SELECT case_id FROM deliveries WHERE id = %s"


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
    question: Annotated[DeliveryQuestion, Query()], connection: DatabaseDep, held: ResourcesDep, actor: ActorDep
) -> DeliveryPage:
    """List deliveries, newest first."""
    scope = scope_of(actor, held.handling)  # of the account: a token for deliveries alone tells of no case but its id
    values = question.model_dump() | scope.values() | {"limit": question.limit + 1}
    records = await fetch_all(connection, _LIST, values)
    items = [DeliveryView.model_validate(record) for record in records[: question.limit]]
    return DeliveryPage(items=items, next=items[-1].id if len(records) > question.limit else None)


@router.post("/deliveries/{delivery_id}/replay", status_code=HTTPStatus.NO_CONTENT)
def replay_delivery(delivery_id: UUID, held: ResourcesDep, actor: ActorDep) -> None:
    """Try a dead delivery again."""
    with held.thread_pool.connection() as connection:
        row = connection.execute(_CASE, (delivery_id,)).fetchone()
        if row is None:
            raise not_found(f"dead delivery {delivery_id}")
        require_in_scope(connection, row[0], actor=actor, handling=held.handling)
        if not replay(connection, delivery_id, at=datetime.now(UTC)):
            raise not_found(f"dead delivery {delivery_id}")
