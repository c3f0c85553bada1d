"""The list of buses, as the API shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row

_LIST: Final = """
SELECT d.device, d.is_relay, d.presence, d.last_seen_at, d.lon, d.lat, d.heading_deg, d.speed_mps, d.position_at,
    (d.health ->> 'outbox_depth')::bigint AS outbox_depth,
    (d.health ->> 'outbox_oldest_s')::float8 AS outbox_oldest_s,
    (d.health ->> 'frames_per_s')::float8 AS frames_per_s,
    d.health ->> 'camera' AS camera,
    (d.health ->> 'pictures_waiting')::bigint AS pictures_waiting,
    d.health ->> 'outbox' AS outbox,
    (d.health ->> 'outbox_damaged')::bigint AS outbox_damaged,
    coalesce(nullif(d.health -> 'given_up_counts', 'null'), '{}') AS given_up_by_kind,
    (d.health ->> 'pictures_given_up')::bigint AS pictures_given_up,
    s.stored_up_to, s.missing, s.given_up, s.redelivered
FROM devices d
CROSS JOIN LATERAL (
    SELECT coalesce(sum(upper(t.settled) - 1), 0)::bigint AS stored_up_to,
        coalesce(sum(upper(t.settled) - 1 - (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(t.settled) r)),
            0)::bigint AS missing,
        coalesce(sum((SELECT sum(upper(r) - lower(r)) FROM unnest(t.given_up) r)), 0)::bigint AS given_up,
        coalesce(sum(t.redelivered), 0)::bigint AS redelivered
    FROM (
        SELECT stored + given_up AS settled, given_up, redelivered
        FROM device_streams WHERE city = d.city AND device = d.device
    ) t
) s
WHERE d.city = %s AND d.revoked_at IS NULL
ORDER BY d.device
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """One bus; counts are sums over its outboxes. `stored_up_to` is the highest number that arrived.

    What it says of its outbox, if anything: where it keeps its messages (`disk`, or why in memory), how many files were
    set aside as damaged, and what it gave up since it was made, by kind.
    """

    device: str
    is_relay: bool  # a stop that carries what buses without a network hand over
    presence: str | None
    last_seen_at: datetime | None
    lon: float | None
    lat: float | None
    heading_deg: float | None
    speed_mps: float | None
    position_at: datetime | None
    outbox_depth: int | None
    outbox_oldest_s: float | None
    frames_per_s: float | None
    camera: str | None
    pictures_waiting: int | None
    outbox: str | None
    outbox_damaged: int | None
    given_up_by_kind: dict[str, int]
    pictures_given_up: int | None
    stored_up_to: int
    missing: int
    given_up: int
    redelivered: int


async def list_buses(connection: AsyncConnection[Any], *, city: str) -> list[Bus]:
    """Every enrolled bus and stop of a city that is let in, by name."""
    async with connection.cursor(row_factory=class_row(Bus)) as cursor:
        await cursor.execute(_LIST, (city,))
        return await cursor.fetchall()
