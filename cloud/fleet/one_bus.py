"""One bus, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

_TWIN: Final = """
SELECT coalesce(w.version, 0) AS wanted_version, coalesce(w.settings, '{}') AS wanted, w.changed_at AS wanted_at,
    w.told_at, coalesce((d.twin_reported ->> 'version')::bigint, 0) AS reported_version,
    coalesce(d.twin_reported -> 'settings', '{}') AS reported, d.twin_reported_at AS reported_at,
    d.twin_reported ->> 'problem' AS problem, d.health, d.revoked_at
FROM devices d LEFT JOIN device_wishes w ON w.city = d.city AND w.device = d.device
WHERE d.city = %s AND d.device = %s
"""
# The worst of each stretch of time: a week of reports a minute apart would be ten thousand points.
_HISTORY: Final = """
SELECT max(at) AS at, avg((report ->> 'frames_per_s')::float8) AS frames_per_s,
    max((report ->> 'temperature_c')::float8) AS temperature_c,
    max((report ->> 'outbox_depth')::bigint) AS outbox_depth,
    min((report ->> 'disk_free_bytes')::bigint) AS disk_free_bytes,
    (array_agg(report ->> 'camera' ORDER BY at DESC))[1] AS camera
FROM health_reports
WHERE city = %(city)s AND device = %(device)s AND id_at >= %(since)s AND at >= %(since)s
GROUP BY date_bin(%(stretch)s, at, 'epoch') ORDER BY at DESC LIMIT 2000
"""
_LOG: Final = """
SELECT at, actor, action, reason, details FROM fleet_log WHERE city = %s AND device = %s ORDER BY id DESC LIMIT 100
"""
_COMMANDS: Final = """
SELECT id, kind, asked_at, expires_at, told_at, answered_at, media_type
FROM device_commands WHERE city = %s AND device = %s ORDER BY asked_at DESC LIMIT 20
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """How a bus is wanted to be and how it says it is; `health` is what it said last of itself.

    Since `revoked_at` it is let in no longer.
    """

    wanted_version: int
    wanted: dict[str, Any]
    wanted_at: datetime | None
    told_at: datetime | None
    reported_version: int
    reported: dict[str, Any]
    reported_at: datetime | None
    problem: str | None
    health: dict[str, Any] | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPoint:
    """How it was once."""

    at: datetime
    frames_per_s: float | None
    temperature_c: float | None
    outbox_depth: int | None
    disk_free_bytes: int | None
    camera: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of it, whether it was told, and whether it has answered."""

    id: UUID
    kind: str
    asked_at: datetime
    expires_at: datetime
    told_at: datetime | None
    answered_at: datetime | None
    media_type: str | None


async def read_twin(connection: AsyncConnection[Any], *, city: str, device: str) -> Twin | None:
    """Wanted and reported; none when there is no such bus."""
    async with connection.cursor(row_factory=class_row(Twin)) as cursor:
        await cursor.execute(_TWIN, (city, device))
        return await cursor.fetchone()


async def read_health(
    connection: AsyncConnection[Any], *, city: str, device: str, since: datetime, stretch: timedelta
) -> list[HealthPoint]:
    """How it was since then, the newest first: one point for each stretch of time in which it reported."""
    values = {"city": city, "device": device, "since": since, "stretch": stretch}
    async with connection.cursor(row_factory=class_row(HealthPoint)) as cursor:
        await cursor.execute(_HISTORY, values)
        return await cursor.fetchall()


async def read_commands(connection: AsyncConnection[Any], *, city: str, device: str) -> list[Asked]:
    """The last that were asked of it."""
    async with connection.cursor(row_factory=class_row(Asked)) as cursor:
        await cursor.execute(_COMMANDS, (city, device))
        return await cursor.fetchall()


async def read_log(connection: AsyncConnection[Any], *, city: str, device: str) -> list[dict[str, Any]]:
    """Who did what with it, the newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LOG, (city, device))
        return await cursor.fetchall()
