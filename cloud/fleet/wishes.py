"""How a bus is wanted to be, and what is asked of it: the one door to a bus.

What is wanted has a version. It is told when it changes, and again whenever the bus speaks of itself, until the bus has
reported that version: nothing depends on what a broker keeps. What is asked (a command) is told once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncCursor, Connection
from psycopg.types.json import Jsonb

from cloud.db.value import fetch_value
from cloud.errors import DeviceNotFoundError, FleetError
from cloud.fleet.devices import Device
from cloud.fleet.log import note
from wire.envelope import make_id
from wire.messages import CommandKind, Setting, Settings
from wire.package import PackageKind

PACKAGE: Final = "package."
SHADOW: Final = "package.shadow"  # a model that only looks on
SHADOW_SHARE: Final = "shadow.share"  # of the frames
POSE: Final = frozenset(
    f"camera.{name}" for name in ("height_m", "focal_px", "pitch_deg", "yaw_deg", "roll_deg", "forward_m", "right_m")
)
"""What of a bus's own file can be wished for this bus alone; all else comes in signed packages."""
TELL_AGAIN_AFTER: Final = timedelta(seconds=30)
COMMAND_GOOD_FOR: Final = timedelta(minutes=10)

_READ: Final = "SELECT settings FROM device_wishes WHERE city = %s AND device = %s FOR UPDATE"
_HOLD: Final = "SELECT 1 FROM devices WHERE city = %s AND device = %s FOR UPDATE"
_WISH: Final = """
INSERT INTO device_wishes (city, device, version, settings, changed_at)
SELECT city, device, coalesce((twin_reported ->> 'version')::bigint, 0) + 1, %(settings)s, %(at)s
FROM devices WHERE city = %(city)s AND device = %(device)s
ON CONFLICT ON CONSTRAINT device_wishes_pkey DO UPDATE SET
    version = greatest(device_wishes.version + 1, EXCLUDED.version), settings = EXCLUDED.settings,
    changed_at = EXCLUDED.changed_at, told_at = NULL
RETURNING version
"""
_ASK: Final = """
INSERT INTO device_commands (id, city, device, kind, asked_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s)
"""
# Several ingesters look at once: each takes what no other one has in hand.
_TAKE_UNTOLD: Final = """
WITH untold AS (
    SELECT city, device FROM device_wishes WHERE told_at IS NULL
    ORDER BY changed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE device_wishes w SET told_at = %(at)s FROM untold u WHERE w.city = u.city AND w.device = u.device
RETURNING w.city, w.device, w.version, w.settings
"""
_TAKE_BEHIND: Final = """
WITH behind AS (
    SELECT w.city, w.device FROM device_wishes w
    JOIN unnest(%(cities)s::text[], %(devices)s::text[]) AS n(city, device)
        ON w.city = n.city AND w.device = n.device
    JOIN devices d ON d.city = w.city AND d.device = w.device
    WHERE w.version > coalesce((d.twin_reported ->> 'version')::bigint, 0) AND w.told_at < %(before)s
    FOR UPDATE OF w SKIP LOCKED
)
UPDATE device_wishes w SET told_at = %(at)s FROM behind b WHERE w.city = b.city AND w.device = b.device
RETURNING w.city, w.device, w.version, w.settings
"""
_TAKE_COMMANDS: Final = """
WITH due AS (
    SELECT c.id FROM device_commands c JOIN devices d ON d.city = c.city AND d.device = c.device
    WHERE c.told_at IS NULL AND c.expires_at > %(at)s AND d.presence = 'online'
    ORDER BY c.expires_at LIMIT %(limit)s FOR UPDATE OF c SKIP LOCKED
)
UPDATE device_commands c SET told_at = %(at)s FROM due WHERE c.id = due.id
RETURNING c.id, c.city, c.device, c.kind, c.expires_at
"""
_MOST_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a bus is wanted to be."""

    city: str
    device: str
    version: int
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of what is wanted: its version, and what was wanted before."""

    version: int
    before: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a bus; it answers under this id."""

    id: UUID
    city: str
    device: str
    kind: CommandKind
    expires_at: datetime


Letters = tuple[list[Wish], list[Request]]
"""What buses are to be told."""


def package_key(kind: PackageKind) -> str:
    """The setting that names the package of a kind, by its SHA-256."""
    return f"{PACKAGE}{kind}"


def wished(connection: Connection[Any], *, city: str, device: str) -> Settings:
    """How a bus is wanted to be now."""
    return fetch_value(connection, _READ, (city, device)) or {}


def wish(
    connection: Connection[Any],
    changes: Mapping[str, Setting | None],
    *,
    city: str,
    device: str,
    actor: str,
    at: datetime,
) -> Change:
    """Wish a bus to be otherwise, in the caller's transaction; None takes a setting back to the bus's own file.

    Raises:
        DeviceNotFoundError: there is no such bus.
        FleetError: a setting is none that can be wished.
    """
    foreign = sorted(key for key in changes if key not in {*POSE, SHADOW_SHARE} and not key.startswith(PACKAGE))
    if foreign:
        raise FleetError(f"{', '.join(foreign)}: only the camera's pose and packages can be wished")
    if connection.execute(_HOLD, (city, device)).fetchone() is None:
        raise DeviceNotFoundError(f"there is no bus {city}/{device}")
    before = wished(connection, city=city, device=device)
    merged: dict[str, Setting | None] = {**before, **changes}
    settings = {key: value for key, value in merged.items() if value is not None}
    values = {"city": city, "device": device, "settings": Jsonb(settings), "at": at}
    version: int = fetch_value(connection, _WISH, values)
    details = {"version": version, "changes": dict(changes)}
    note(connection, at=at, actor=actor, action="wish", city=city, device=device, details=details)
    return Change(version=version, before=before)


def ask(
    connection: Connection[Any], kind: CommandKind, *, city: str, device: str, actor: str, at: datetime
) -> datetime:
    """Ask something of a bus, in the caller's transaction.

    Returns:
        Until when it is told.

    Raises:
        DeviceNotFoundError: there is no such bus.
    """
    if connection.execute(_HOLD, (city, device)).fetchone() is None:
        raise DeviceNotFoundError(f"there is no bus {city}/{device}")
    expires_at = at + COMMAND_GOOD_FOR
    connection.execute(_ASK, (make_id(at), city, device, kind.value, at, expires_at))
    note(connection, at=at, actor=actor, action=kind.value, city=city, device=device)
    return expires_at


async def take_wishes(cursor: AsyncCursor[Any], contacts: Iterable[Device], *, at: datetime) -> list[Wish]:
    """Take what is to be told now: what has changed, and again what buses that just spoke have not reported."""
    await cursor.execute(_TAKE_UNTOLD, {"at": at, "limit": _MOST_AT_ONCE})
    rows = await cursor.fetchall()
    if heard := sorted(set(contacts)):
        values = {
            "cities": [city for city, _ in heard],
            "devices": [device for _, device in heard],
            "at": at,
            "before": at - TELL_AGAIN_AFTER,
        }
        await cursor.execute(_TAKE_BEHIND, values)
        rows += await cursor.fetchall()
    return [_wish(row) for row in rows]


async def take_requests(cursor: AsyncCursor[Any], *, at: datetime) -> list[Request]:
    """Take the commands for buses that are there."""
    await cursor.execute(_TAKE_COMMANDS, {"at": at, "limit": _MOST_AT_ONCE})
    return [
        Request(id=number, city=city, device=device, kind=CommandKind(kind), expires_at=expires_at)
        for number, city, device, kind, expires_at in await cursor.fetchall()
    ]


def _wish(row: Sequence[Any]) -> Wish:
    city, device, version, settings = row
    return Wish(city=city, device=device, version=version, settings=settings)
