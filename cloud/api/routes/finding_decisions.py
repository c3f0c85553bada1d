"""What people say of findings: these are one, these are not, this one is two; and taking it back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Resources, ResourcesDep
from cloud.api.once import NEEDS_KEY
from cloud.api.problems import Problem, ProblemError
from cloud.cases import decisions
from cloud.cases.model import Actor
from cloud.errors import DecisionError, DecisionNotFoundError
from cloud.findings.decisions import DecisionKind
from cloud.people.permissions import Permission

router = APIRouter(tags=["findings"], dependencies=[needs(Permission.JUDGE_FINDINGS), NEEDS_KEY])

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


Write = Callable[[Connection[Any], decisions.Said], UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Who says something."""

    held: Resources
    actor: Actor

    async def decide(self, body: _Body, write: Write) -> Decided:
        """Write what is said."""
        try:
            return await run_in_threadpool(self._within, body, write)
        except DecisionNotFoundError as error:
            raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from error
        except DecisionError as error:
            raise ProblemError(HTTPStatus.CONFLICT, str(error)) from error

    def _within(self, body: _Body, write: Write) -> Decided:
        said = decisions.Said(actor=self.actor.name, at=datetime.now(UTC), reason=body.reason)
        with self.held.thread_pool.connection() as connection:
            return Decided(id=write(connection, said))


def _desk(actor: ActorDep, held: ResourcesDep) -> _Desk:
    return _Desk(held=held, actor=actor)


DeskDep = Annotated[_Desk, Depends(_desk)]


@router.post("/findings/{finding_id}/merge", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def merge_findings(finding_id: UUID, body: OtherFinding, desk: DeskDep) -> Decided:
    """Say that two findings are one thing."""
    return await desk.decide(body, partial(_pair, DecisionKind.MERGE, finding_id, body.other))


@router.post("/findings/{finding_id}/different", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def keep_findings_apart(finding_id: UUID, body: OtherFinding, desk: DeskDep) -> Decided:
    """Say that two findings are two things, so that they are never taken for one."""
    return await desk.decide(body, partial(_pair, DecisionKind.DIFFERENT, finding_id, body.other))


@router.post("/findings/{finding_id}/split", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def split_finding(finding_id: UUID, body: SightingsApart, desk: DeskDep) -> Decided:
    """Say that some sightings of a finding are of another thing."""

    def write(connection: Connection[Any], said: decisions.Said) -> UUID:
        return decisions.split(connection, finding_id=finding_id, observations=body.observations, said=said)

    return await desk.decide(body, write)


@router.post("/finding-decisions/{decision_id}/undo", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
async def undo_decision(decision_id: UUID, body: Undo, desk: DeskDep) -> Decided:
    """Take a decision back; it stays in the record."""

    def write(connection: Connection[Any], said: decisions.Said) -> UUID:
        decisions.undo(connection, decision_id, said=said)
        return decision_id

    return await desk.decide(body, write)


def _pair(kind: DecisionKind, first: UUID, second: UUID, connection: Connection[Any], said: decisions.Said) -> UUID:
    return decisions.decide_pair(connection, kind, first=first, second=second, said=said)
