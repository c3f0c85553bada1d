"""Releases and their roll-outs: proposed by one person, approved by another, watched as they go."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from psycopg import Connection
from pydantic import BaseModel, Field, JsonValue

from cloud.api.actors import ActorDep, needs
from cloud.api.deps import Body, Database, DatabaseDep, ResourcesDep, fetch_all, fetch_one
from cloud.api.problems import not_found
from cloud.fleet.releases import Release, list_releases
from cloud.fleet.rollout import MAX_GROUPS, Deed, RollOutState, Terms, deeds_in
from cloud.fleet.rollouts import Proposal, do, propose
from cloud.fleet.shadow import ShadowSum, end_looking_on, let_look_on, looking_on, what_it_saw
from cloud.people.permissions import Permission
from wire.package import PackageKind
from wire.units import Sha256, Slug

router = APIRouter(tags=["fleet"], dependencies=[needs(Permission.MANAGE_FLEET)])

_COLUMNS: Final = """
    r.id, r.state, r.reason, r.proposed_at, r.proposed_by, r.stop_at_failed, r.go_on_at_done, r.watch_s,
    r.shadow_frames,
    p.sha256, p.kind, p.name, p.version,
    (SELECT count(*) FROM roll_out_devices d WHERE d.roll_out = r.id) AS buses,
    (SELECT count(*) FROM roll_out_devices d WHERE d.roll_out = r.id AND d.state = 'told') AS told,
    (SELECT count(*) FROM roll_out_devices d WHERE d.roll_out = r.id AND d.state = 'done') AS done,
    (SELECT count(*) FROM roll_out_devices d WHERE d.roll_out = r.id AND d.state = 'failed') AS failed
FROM roll_outs r JOIN releases p ON p.sha256 = r.release
"""
_LIST: Final = f"SELECT {_COLUMNS} ORDER BY r.proposed_at DESC LIMIT 200"
_ONE: Final = f"SELECT {_COLUMNS} WHERE r.id = %(id)s"
_GROUPS: Final = """
SELECT g.number, g.begun_at, count(d.device) AS buses,
    count(d.device) FILTER (WHERE d.state = 'waiting') AS waiting,
    count(d.device) FILTER (WHERE d.state = 'told') AS told,
    count(d.device) FILTER (WHERE d.state = 'done') AS done,
    count(d.device) FILTER (WHERE d.state = 'failed') AS failed,
    count(d.device) FILTER (WHERE d.state = 'left_out') AS left_out
FROM roll_out_groups g LEFT JOIN roll_out_devices d ON d.roll_out = g.roll_out AND d.number = g.number
WHERE g.roll_out = %(id)s GROUP BY g.number, g.begun_at ORDER BY g.number
"""
# What needs a look comes first.
_DEVICES: Final = """
SELECT r.device, r.number AS group, r.state, r.told_at, r.settled_at, r.problem, d.presence
FROM roll_out_devices r JOIN devices d ON d.city = r.city AND d.device = r.device
WHERE r.roll_out = %(id)s
ORDER BY array_position(ARRAY['failed', 'told', 'done', 'waiting', 'left_out'], r.state), r.number, r.device
LIMIT 2000
"""
_LOG: Final = """
SELECT at, actor, action, reason, details FROM fleet_log WHERE roll_out = %(id)s ORDER BY id DESC LIMIT 200
"""

Share = Annotated[float, Field(gt=0, lt=1)]
Threshold = Annotated[float, Field(gt=0, le=1)]


class NewRollOut(Body):
    """What is rolled out, in which groups, and what makes it wait."""

    release: Sha256
    shares: Annotated[tuple[Share, ...], Field(max_length=MAX_GROUPS - 1)] = (0.05, 0.25)
    """Of the buses, for each group but the last, which takes the rest."""
    stop_at_failed: Threshold = 0.1
    """Share of a group's buses that fail at which it waits for a person."""
    go_on_at_done: Threshold = 0.8
    """Share of a group's buses that must have it before the next group begins."""
    watch_minutes: Annotated[int, Field(ge=0, le=43_200)] = 60
    """How long a group is watched before the next one begins."""
    devices: Annotated[list[Slug] | None, Field(max_length=10_000, min_length=1)] = None
    """Only these buses."""
    shadow_frames: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    """Frames at which a model must have looked on before anybody can approve it."""


class ShadowWish(Body):
    """Where a model looks on, and how often."""

    devices: Annotated[list[Slug], Field(min_length=1, max_length=100)]
    share: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Of the frames."""


class Word(Body):
    """Why; who goes on says how many failures were seen."""

    seen_failed: Annotated[int, Field(ge=0)] = 0
    reason: Annotated[str | None, Field(max_length=500)] = None


class RollOutView(BaseModel):
    """A roll-out, counted."""

    id: UUID
    state: RollOutState
    reason: str | None
    sha256: str
    kind: PackageKind
    name: str
    version: str
    proposed_at: datetime
    proposed_by: str
    stop_at_failed: float
    go_on_at_done: float
    watch_s: int
    shadow_frames: int
    buses: int
    told: int
    done: int
    failed: int


class GroupView(BaseModel):
    """A group, counted."""

    number: int
    begun_at: datetime | None
    buses: int
    waiting: int
    told: int
    done: int
    failed: int
    left_out: int


class RollOutBus(BaseModel):
    """A bus of a roll-out."""

    device: str
    group: int
    state: str
    told_at: datetime | None
    settled_at: datetime | None
    problem: str | None
    presence: str | None


class RollOutDeed(BaseModel):
    """What somebody, or the worker, did with it."""

    at: datetime
    actor: str
    action: str
    reason: str | None
    details: dict[str, JsonValue]


class ShadowView(BaseModel):
    """What a model saw beside the ones in use, and where it looks on now."""

    saw: ShadowSum
    looks_on: list[str]


class RollOutPage(RollOutView):
    """A roll-out with its groups and buses; `deeds` is what can be done with it now."""

    groups: list[GroupView]
    devices: list[RollOutBus]
    log: list[RollOutDeed]
    deeds: list[Deed]


class RollOutList(BaseModel):
    """Roll-outs, the newest first."""

    items: list[RollOutView]


class ReleaseList(BaseModel):
    """Releases, the newest first."""

    items: list[Release]


@router.get("/releases")
async def get_releases(connection: DatabaseDep) -> ReleaseList:
    """List the signed packages that can be rolled out."""
    return ReleaseList(items=await list_releases(connection))


@router.put("/releases/{sha256}/shadow")
def put_shadow(sha256: Sha256, body: ShadowWish, held: ResourcesDep, actor: ActorDep) -> ShadowView:
    """Let a model look on beside those in use on some buses, at a share of their frames."""
    at = datetime.now(UTC)
    with held.thread_pool.connection() as connection:
        let_look_on(connection, sha256, body.devices, share=body.share, city=held.city, actor=actor.name, at=at)
        return _shadow(connection, sha256)


@router.get("/releases/{sha256}/shadow")
def get_shadow(sha256: Sha256, held: ResourcesDep) -> ShadowView:
    """Show what a model saw otherwise than those in use."""
    with held.thread_pool.connection() as connection:
        return _shadow(connection, sha256)


@router.delete("/releases/{sha256}/shadow")
def delete_shadow(sha256: Sha256, held: ResourcesDep, actor: ActorDep) -> ShadowView:
    """Let a model look on no longer; what it saw stays."""
    with held.thread_pool.connection() as connection:
        end_looking_on(connection, sha256, actor=actor.name, at=datetime.now(UTC))
        return _shadow(connection, sha256)


@router.get("/roll-outs")
async def get_roll_outs(connection: DatabaseDep) -> RollOutList:
    """List the roll-outs."""
    return RollOutList.model_validate({"items": await fetch_all(connection, _LIST)})


@router.get("/roll-outs/{roll_out}")
async def get_roll_out(roll_out: UUID, connection: DatabaseDep) -> RollOutPage:
    """Show a roll-out as it goes."""
    return await _page(connection, roll_out)


@router.post("/roll-outs", status_code=HTTPStatus.CREATED)
def post_roll_out(body: NewRollOut, held: ResourcesDep, actor: ActorDep) -> dict[str, UUID]:
    """Propose a roll-out; it begins when another person approves it."""
    proposal = Proposal(
        release=body.release,
        shares=body.shares,
        devices=body.devices,
        terms=Terms(
            stop_at_failed=body.stop_at_failed,
            go_on_at_done=body.go_on_at_done,
            watch=timedelta(minutes=body.watch_minutes),
        ),
        shadow_frames=body.shadow_frames,
    )
    with held.thread_pool.connection() as connection:
        return {"id": propose(connection, proposal, city=held.city, actor=actor.name, at=datetime.now(UTC))}


@router.post("/roll-outs/{roll_out}/{deed}")
def post_deed(roll_out: UUID, deed: Deed, body: Word, held: ResourcesDep, actor: ActorDep) -> dict[str, RollOutState]:
    """Approve (as another person), pause, resume or stop a roll-out."""
    with held.thread_pool.connection() as connection:
        state = do(
            connection,
            roll_out,
            deed,
            actor=actor.name,
            at=datetime.now(UTC),
            reason=body.reason,
            seen_failed=body.seen_failed,
        )
    return {"state": state}


def _shadow(connection: Connection[Any], release: str) -> ShadowView:
    return ShadowView(saw=what_it_saw(connection, release), looks_on=looking_on(connection, release))


async def _page(connection: Database, roll_out: UUID) -> RollOutPage:
    values = {"id": roll_out}
    found = await fetch_one(connection, _ONE, values)
    if found is None:
        raise not_found(f"roll-out {roll_out}")
    return RollOutPage.model_validate(
        {
            **found,
            "groups": await fetch_all(connection, _GROUPS, values),
            "devices": await fetch_all(connection, _DEVICES, values),
            "log": await fetch_all(connection, _LOG, values),
            "deeds": deeds_in(RollOutState(found["state"])),
        }
    )
