"""One bus, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

_TWIN: Final = """
SELECT coalesce(w.version, 0) AS wanted_version, coalesce(w.settings, '{}') AS wanted, w.changed_at AS wanted_at,
    w.told_at, coalesce((d.twin_reported ->> 'version')::bigint, 0) AS reported_version,
    coalesce(d.twin_reported -> 'settings', '{}') AS reported, d.twin_reported_at AS reported_at,
    d.twin_reported ->> 'problem' AS problem, d.health
FROM devices d LEFT JOIN device_wishes w ON w.city = d.city AND w.device = d.device
WHERE d.city = %s AND d.device = %s
"""
_HISTORY: Final = """
SELECT at, report -> 'frames_per_s' AS frames_per_s, report -> 'temperature_c' AS temperature_c,
    report -> 'outbox_depth' AS outbox_depth, report -> 'disk_free_bytes' AS disk_free_bytes,
    report ->> 'camera' AS camera
FROM health_reports
WHERE city = %s AND device = %s AND id_at >= %s AND at >= %s
ORDER BY at DESC LIMIT 2000
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
    """How a bus is wanted to be and how it says it is; `health` is what it said last of itself."""

    wanted_version: int
    wanted: dict[str, Any]
    wanted_at: datetime | None
    told_at: datetime | None
    reported_version: int
    reported: dict[str, Any]
    reported_at: datetime | None
    problem: str | None
    health: dict[str, Any] | None


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
    connection: AsyncConnection[Any], *, city: str, device: str, since: datetime
) -> list[HealthPoint]:
    """How it was since then, the newest first; at most the last 2,000 reports."""
    async with connection.cursor(row_factory=class_row(HealthPoint)) as cursor:
        await cursor.execute(_HISTORY, (city, device, since, since))
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
