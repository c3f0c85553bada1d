"""What people say of findings: these are one, these are not, this one is two; and taking it back."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Body, Resources, ResourcesDep
from cloud.api.once import NEEDS_KEY
from cloud.api.problems import Problem
from cloud.cases import decisions
from cloud.cases.model import Actor
from cloud.findings.decisions import DecisionKind
from cloud.people.permissions import Permission

router = APIRouter(tags=["findings"], dependencies=[needs(Permission.JUDGE_FINDINGS), NEEDS_KEY])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "not for this role"},
    404: {"model": Problem, "description": "there is no such finding or decision"},
    409: {"model": Problem, "description": "this cannot be said, or a standing decision says the contrary"},
}

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class _Body(Body):
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
def merge_findings(finding_id: UUID, body: OtherFinding, held: ResourcesDep, actor: ActorDep) -> Decided:
    """Say that two findings are one thing."""
    return _decide_pair(DecisionKind.MERGE, finding_id, body, held, actor)


@router.post("/findings/{finding_id}/different", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
def keep_findings_apart(finding_id: UUID, body: OtherFinding, held: ResourcesDep, actor: ActorDep) -> Decided:
    """Say that two findings are two things, so that they are never taken for one."""
    return _decide_pair(DecisionKind.DIFFERENT, finding_id, body, held, actor)


@router.post("/findings/{finding_id}/split", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
def split_finding(finding_id: UUID, body: SightingsApart, held: ResourcesDep, actor: ActorDep) -> Decided:
    """Say that some sightings of a finding are of another thing."""
    said = _said(body, actor)
    with held.thread_pool.connection() as connection:
        return Decided(id=decisions.split(connection, finding_id=finding_id, observations=body.observations, said=said))


@router.post("/finding-decisions/{decision_id}/undo", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
def undo_decision(decision_id: UUID, body: Undo, held: ResourcesDep, actor: ActorDep) -> Decided:
    """Take a decision back; it stays in the record."""
    with held.thread_pool.connection() as connection:
        decisions.undo(connection, decision_id, said=_said(body, actor))
    return Decided(id=decision_id)


def _decide_pair(kind: DecisionKind, first: UUID, body: OtherFinding, held: Resources, actor: Actor) -> Decided:
    said = _said(body, actor)
    with held.thread_pool.connection() as connection:
        return Decided(id=decisions.decide_pair(connection, kind, first=first, second=body.other, said=said))


def _said(body: _Body, actor: Actor) -> decisions.Said:
    return decisions.Said(actor=actor.name, at=datetime.now(UTC), reason=body.reason)
