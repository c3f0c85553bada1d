"""What people say of findings: these are one, these are not, this one is two; and taking it back."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import ResourcesDep
from cloud.api.problems import Problem, ProblemError
from cloud.cases.model import Actor
from cloud.errors import DecisionError, DecisionNotFoundError
from cloud.findings import decided
from cloud.findings.decisions import DecisionKind
from cloud.people.permissions import Permission

router = APIRouter(tags=["findings"], dependencies=[needs(Permission.JUDGE_FINDINGS)])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "not for this role"},
    404: {"model": Problem, "description": "there is no such finding or decision"},
    409: {"model": Problem, "description": "this cannot be said, or a standing decision says the contrary"},
}

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Text


class OtherFinding(_Body):
    """Another finding, and why."""

    other: UUID


class SightingsApart(_Body):
    """Sightings (`observation_id` of the passes) that are of another thing, and why."""

    observations: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=200)]


class Undo(_Body):
    """Why a decision is taken back."""


class Decided(BaseModel):
    """The decision; the findings follow within seconds, as live changes."""

    id: UUID


@router.post("/findings/{finding_id}/merge", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def merge_findings(finding_id: UUID, body: OtherFinding, actor: ActorDep, held: ResourcesDep) -> Decided:
    """Say that two findings are one thing."""
    return await _decide(held, actor, body, DecisionKind.MERGE, finding_id)


@router.post("/findings/{finding_id}/different", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def keep_findings_apart(finding_id: UUID, body: OtherFinding, actor: ActorDep, held: ResourcesDep) -> Decided:
    """Say that two findings are two things, so that they are never taken for one."""
    return await _decide(held, actor, body, DecisionKind.DIFFERENT, finding_id)


@router.post("/findings/{finding_id}/split", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def split_finding(finding_id: UUID, body: SightingsApart, actor: ActorDep, held: ResourcesDep) -> Decided:
    """Say that some sightings of a finding are of another thing."""
    said = _said(actor, body)

    def write(connection: Connection[Any]) -> UUID:
        return decided.split(connection, finding_id=finding_id, observations=body.observations, said=said)

    return Decided(id=await _within(held, write))


@router.post("/finding-decisions/{decision_id}/undo", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def undo_decision(decision_id: UUID, body: Undo, actor: ActorDep, held: ResourcesDep) -> Decided:
    """Take a decision back; it stays in the record."""
    said = _said(actor, body)

    def write(connection: Connection[Any]) -> UUID:
        decided.undo(connection, decision_id, said=said)
        return decision_id

    return Decided(id=await _within(held, write))


async def _decide(
    held: ResourcesDep, actor: Actor, body: OtherFinding, kind: DecisionKind, finding_id: UUID
) -> Decided:
    said = _said(actor, body)

    def write(connection: Connection[Any]) -> UUID:
        return decided.decide_pair(connection, kind, first=finding_id, second=body.other, said=said)

    return Decided(id=await _within(held, write))


def _said(actor: Actor, body: _Body) -> decided.Said:
    return decided.Said(actor=actor.name, at=datetime.now(UTC), reason=body.reason)


async def _within(held: ResourcesDep, write: Callable[[Connection[Any]], UUID]) -> UUID:
    def run() -> UUID:
        with held.thread_pool.connection() as connection:
            return write(connection)

    try:
        return await run_in_threadpool(run)
    except DecisionNotFoundError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from error
    except DecisionError as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from error
