"""Roll-outs as the database has them: proposed by one person, approved by another, carried on by the worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.db.value import fetch_value
from cloud.errors import RollOutError
from cloud.fleet.log import note
from cloud.fleet.rollout import (
    Begin,
    Deed,
    Finish,
    Group,
    Pause,
    RollOutState,
    Terms,
    draw_groups,
    next_step,
    state_after,
)
from cloud.fleet.shadow import end_looking_on, frames_seen
from cloud.fleet.wishes import SHADOW, SHADOW_SHARE, package_key, wish, wished
from wire.messages import Setting
from wire.package import PackageKind

SYSTEM: Final = "system:fleet"

# What comes by a bridge alone has no agent that could take a package.
_BUSES: Final = """
SELECT device FROM devices d WHERE city = %s AND revoked_at IS NULL AND (%s::text[] IS NULL OR device = ANY(%s))
    AND (twin_reported IS NOT NULL OR feed IS NULL AND NOT EXISTS (
        SELECT FROM jt808_terminals t WHERE t.city = d.city AND t.device = d.device))
ORDER BY device
"""
_RELEASE: Final = "SELECT kind FROM releases WHERE sha256 = %s"
_LOCK_KIND: Final = "SELECT pg_advisory_xact_lock(hashtextextended('busense.roll_outs.' || %s, 0))"
_SAME_KIND: Final = """
SELECT r.id FROM roll_outs r JOIN releases p ON p.sha256 = r.release
WHERE p.kind = %s AND r.state IN ('proposed', 'running', 'paused') LIMIT 1
"""
_PROPOSE: Final = """
INSERT INTO roll_outs (
    id, release, stop_at_failed, go_on_at_done, watch_s, proposed_at, proposed_by, shadow_frames)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_ADD_GROUP: Final = "INSERT INTO roll_out_groups (roll_out, number) VALUES (%s, %s)"
_ADD_DEVICES: Final = """
INSERT INTO roll_out_devices (roll_out, city, device, number)
SELECT %s, %s, device, %s FROM unnest(%s::text[]) AS device
"""
_HOLD: Final = """
SELECT r.state, r.proposed_by, r.release, p.kind, r.stop_at_failed, r.go_on_at_done, r.watch_s, r.shadow_frames
FROM roll_outs r JOIN releases p ON p.sha256 = r.release WHERE r.id = %s FOR UPDATE OF r
"""
_SET_STATE: Final = "UPDATE roll_outs SET state = %s, reason = %s WHERE id = %s"
_UNDER_WAY: Final = """
SELECT id FROM roll_outs WHERE state IN ('running', 'paused') ORDER BY proposed_at FOR UPDATE SKIP LOCKED
"""
_GROUPS: Final = """
SELECT g.number, g.begun_at, g.forgiven,
    count(d.device) FILTER (WHERE d.state <> 'left_out') AS size,
    count(d.device) FILTER (WHERE d.state = 'done') AS done,
    count(d.device) FILTER (WHERE d.state = 'failed') AS failed
FROM roll_out_groups g LEFT JOIN roll_out_devices d ON d.roll_out = g.roll_out AND d.number = g.number
WHERE g.roll_out = %s GROUP BY g.number, g.begun_at, g.forgiven ORDER BY g.number
"""
_FORGIVE: Final = """
UPDATE roll_out_groups g SET forgiven = (
    SELECT count(*) FROM roll_out_devices d
    WHERE d.roll_out = g.roll_out AND d.number = g.number AND d.state = 'failed')
WHERE g.roll_out = %s
"""
_BEGIN: Final = "UPDATE roll_out_groups SET begun_at = %s WHERE roll_out = %s AND number = %s"
_WAITING: Final = """
SELECT city, device FROM roll_out_devices WHERE roll_out = %s AND number = %s AND state = 'waiting'
ORDER BY city, device
"""
_TOLD: Final = """
UPDATE roll_out_devices SET state = 'told', told_at = %s, version = %s, before = %s
WHERE roll_out = %s AND city = %s AND device = %s
"""
# A bus has settled when it has reported the version in which it was told, or a later one: has it the package?
_SETTLE: Final = """
UPDATE roll_out_devices r SET
    state = CASE WHEN d.twin_reported -> 'settings' ->> %(key)s = %(release)s THEN 'done' ELSE 'failed' END,
    settled_at = d.twin_reported_at,
    problem = CASE WHEN d.twin_reported -> 'settings' ->> %(key)s = %(release)s THEN NULL
        ELSE coalesce(d.twin_reported ->> 'problem', 'it reports another package') END
FROM devices d
WHERE r.roll_out = %(id)s AND r.state = 'told' AND d.city = r.city AND d.device = r.device
    AND (d.twin_reported ->> 'version')::bigint >= r.version
"""
_FAIL_REVOKED: Final = """
UPDATE roll_out_devices r SET state = 'failed', settled_at = d.revoked_at, problem = 'it was revoked'
FROM devices d
WHERE r.roll_out = %s AND r.state = 'told' AND d.city = r.city AND d.device = r.device AND d.revoked_at IS NOT NULL
"""
_UNSETTLED: Final = """
SELECT city, device, before FROM roll_out_devices WHERE roll_out = %s AND state = 'told' ORDER BY city, device
"""
_LEAVE_OUT: Final = """
UPDATE roll_out_devices SET state = 'left_out', settled_at = %s WHERE roll_out = %s AND state IN ('waiting', 'told')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be rolled out to whom, and how."""

    release: str
    shares: Sequence[float]
    """Of the buses, for each group but the last, which takes the rest."""
    terms: Terms
    devices: Sequence[str] | None = None
    """Only these; else all that are enrolled."""
    shadow_frames: int = 0
    """Frames at which a model must have looked on before it is approved."""


def propose(connection: Connection[Any], proposal: Proposal, *, city: str, actor: str, at: datetime) -> UUID:
    """Propose a roll-out, in the caller's transaction; it begins when another person approves it.

    Raises:
        RollOutError: there is no such release or bus, or another roll-out of that kind is under way.
    """
    known = fetch_value(connection, _RELEASE, (proposal.release,))
    if known is None:
        raise RollOutError(f"there is no release {proposal.release}")
    kind = PackageKind(known)
    connection.execute(_LOCK_KIND, (kind,))  # of two at the same instant the second sees the first
    if proposal.shadow_frames and kind is not PackageKind.MODEL:
        raise RollOutError("only a model can look on beside the one in use")
    if (other := fetch_value(connection, _SAME_KIND, (kind,))) is not None:
        raise RollOutError(f"roll-out {other} of kind {kind} is not over yet: stop it, or wait for it")
    wanted = None if proposal.devices is None else list(proposal.devices)
    devices = [device for (device,) in connection.execute(_BUSES, (city, wanted, wanted))]
    if missing := sorted(set(proposal.devices or ()) - set(devices)):
        raise RollOutError(f"there is no bus {', '.join(missing[:20])}")
    terms, roll_out = proposal.terms, uuid4()
    values = (
        roll_out,
        proposal.release,
        terms.stop_at_failed,
        terms.go_on_at_done,
        int(terms.watch.total_seconds()),
        at,
        actor,
        proposal.shadow_frames,
    )
    connection.execute(_PROPOSE, values)
    for number, group in enumerate(draw_groups(devices, proposal.shares, seed=str(roll_out)), start=1):
        connection.execute(_ADD_GROUP, (roll_out, number))
        connection.execute(_ADD_DEVICES, (roll_out, city, number, group))
    note(connection, at=at, actor=actor, action="propose", roll_out=roll_out, details={"buses": len(devices)})
    return roll_out


def do(
    connection: Connection[Any],
    roll_out: UUID,
    deed: Deed,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    seen_failed: int = 0,
) -> RollOutState:
    """Do something with a roll-out, in the caller's transaction.

    Approving needs another person than the one who proposed it, and a model that has looked on at enough frames. Going
    on forgives the failures that were seen: when there are more by now, it does not go on. Stopping takes what buses
    have not settled back to what they were wanted to have before.

    Raises:
        RollOutError: there is no such roll-out, or that cannot be done with it now or by this person.
    """
    held = _hold(connection, roll_out)
    state = state_after(held.state, deed)
    if deed is Deed.APPROVE and actor == held.proposed_by:
        raise RollOutError(f"{actor} has proposed it: another person has to approve it")
    match deed:
        case Deed.APPROVE:
            _check_shadow(connection, held)
        case Deed.RESUME:
            _forgive(connection, roll_out, seen_failed)
        case Deed.STOP:
            _settle(connection, roll_out, held)
            _take_back(connection, roll_out, held, actor=actor, at=at)
            end_looking_on(connection, held.release, actor=actor, at=at)
        case Deed.PAUSE:
            pass
    connection.execute(_SET_STATE, (state, reason, roll_out))
    note(connection, at=at, actor=actor, action=deed, roll_out=roll_out, reason=reason)
    return state


def carry_on(connection: Connection[Any], *, at: datetime) -> int:
    """Note what buses have reported, and do the next step of every running roll-out; how many steps were done.

    The connection is in autocommit; several workers may do this at once.
    """
    steps = 0
    with connection.transaction():
        for (roll_out,) in connection.execute(_UNDER_WAY).fetchall():
            steps += _carry_on(connection, roll_out, at=at)
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    state: RollOutState
    proposed_by: str
    release: str
    kind: PackageKind
    terms: Terms
    shadow_frames: int


def _hold(connection: Connection[Any], roll_out: UUID) -> _Held:
    row = connection.execute(_HOLD, (roll_out,)).fetchone()
    if row is None:
        raise RollOutError(f"there is no roll-out {roll_out}")
    state, proposed_by, release, kind, stop_at_failed, go_on_at_done, watch_s, shadow_frames = row
    terms = Terms(stop_at_failed=stop_at_failed, go_on_at_done=go_on_at_done, watch=timedelta(seconds=watch_s))
    return _Held(
        state=RollOutState(state),
        proposed_by=proposed_by,
        release=release,
        kind=PackageKind(kind),
        terms=terms,
        shadow_frames=shadow_frames,
    )


def _check_shadow(connection: Connection[Any], held: _Held) -> None:
    if held.shadow_frames and (seen := frames_seen(connection, held.release)) < held.shadow_frames:
        raise RollOutError(f"it has looked on at {seen} frames; {held.shadow_frames} are asked for")


def _forgive(connection: Connection[Any], roll_out: UUID, seen_failed: int) -> None:
    failed = sum(group.failed for group in _groups(connection, roll_out))
    if failed > seen_failed:
        raise RollOutError(f"{failed} buses could not take it by now, and {seen_failed} were seen: look again")
    connection.execute(_FORGIVE, (roll_out,))


def _carry_on(connection: Connection[Any], roll_out: UUID, *, at: datetime) -> int:
    held = _hold(connection, roll_out)
    _settle(connection, roll_out, held)
    if held.state is RollOutState.PAUSED:
        return 0
    match next_step(held.terms, _groups(connection, roll_out), now=at):
        case Begin(number=number):
            _begin(connection, roll_out, number, held, at=at)
        case Pause(reason=reason):
            connection.execute(_SET_STATE, (RollOutState.PAUSED, reason, roll_out))
            note(connection, at=at, actor=SYSTEM, action=Deed.PAUSE, roll_out=roll_out, reason=reason)
        case Finish():
            connection.execute(_SET_STATE, (RollOutState.FINISHED, None, roll_out))
            note(connection, at=at, actor=SYSTEM, action="finish", roll_out=roll_out)
        case None:
            return 0
    return 1


def _settle(connection: Connection[Any], roll_out: UUID, held: _Held) -> None:
    connection.execute(_SETTLE, {"key": package_key(held.kind), "release": held.release, "id": roll_out})
    connection.execute(_FAIL_REVOKED, (roll_out,))


def _groups(connection: Connection[Any], roll_out: UUID) -> list[Group]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return [Group(**row) for row in cursor.execute(_GROUPS, (roll_out,))]


def _begin(connection: Connection[Any], roll_out: UUID, number: int, held: _Held, *, at: datetime) -> None:
    key = package_key(held.kind)
    connection.execute(_BEGIN, (at, roll_out, number))
    for city, device in connection.execute(_WAITING, (roll_out, number)).fetchall():
        changes = {key: held.release} | _no_longer_beside(connection, held.release, city=city, device=device)
        told = wish(connection, changes, city=city, device=device, actor=SYSTEM, at=at)
        connection.execute(_TOLD, (at, told.version, told.before.get(key), roll_out, city, device))
    note(connection, at=at, actor=SYSTEM, action="begin_group", roll_out=roll_out, details={"group": number})


def _no_longer_beside(
    connection: Connection[Any], release: str, *, city: str, device: str
) -> dict[str, Setting | None]:
    """What takes over looks on no longer."""
    is_beside = wished(connection, city=city, device=device).get(SHADOW) == release
    return {SHADOW: None, SHADOW_SHARE: None} if is_beside else {}


def _take_back(connection: Connection[Any], roll_out: UUID, held: _Held, *, actor: str, at: datetime) -> None:
    key = package_key(held.kind)
    for city, device, before in connection.execute(_UNSETTLED, (roll_out,)).fetchall():
        wish(connection, {key: before}, city=city, device=device, actor=actor, at=at)
    connection.execute(_LEAVE_OUT, (at, roll_out))
