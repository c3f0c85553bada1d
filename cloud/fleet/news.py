"""What a batch of messages tells about its devices, written in the batch's own transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncCursor
from psycopg.types.json import Jsonb

Cursor = AsyncCursor[tuple[Any, ...]]

_LOCK: Final = """
SELECT 1 FROM devices WHERE (city, device) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
ORDER BY city, device FOR UPDATE
"""
# Each value goes with its own time and only a newer one replaces it: batches come again and in any order.
_UPDATE: Final = """
UPDATE devices AS d SET
    last_seen_at = greatest(d.last_seen_at, n.seen_at),
    presence = CASE WHEN n.presence_at >= coalesce(d.presence_since, '-infinity') THEN n.presence ELSE d.presence END,
    presence_since = greatest(d.presence_since, n.presence_at),
    carrying = CASE WHEN n.carrying_at >= coalesce(d.carrying_at, '-infinity') THEN n.carrying ELSE d.carrying END,
    carrying_at = greatest(d.carrying_at, n.carrying_at),
    health = CASE WHEN n.health_at >= coalesce(d.health_at, '-infinity') THEN n.health ELSE d.health END,
    health_at = greatest(d.health_at, n.health_at),
    twin_reported = CASE WHEN n.twin_at >= coalesce(d.twin_reported_at, '-infinity') THEN n.twin
        ELSE d.twin_reported END,
    twin_reported_at = greatest(d.twin_reported_at, n.twin_at),
    lon = CASE WHEN n.position_at >= coalesce(d.position_at, '-infinity') THEN n.lon ELSE d.lon END,
    lat = CASE WHEN n.position_at >= coalesce(d.position_at, '-infinity') THEN n.lat ELSE d.lat END,
    heading_deg = CASE WHEN n.position_at >= coalesce(d.position_at, '-infinity') THEN n.heading_deg
        ELSE d.heading_deg END,
    speed_mps = CASE WHEN n.position_at >= coalesce(d.position_at, '-infinity') THEN n.speed_mps ELSE d.speed_mps END,
    position_at = greatest(d.position_at, n.position_at)
FROM jsonb_to_recordset(%s) AS n(
    city text, device text, seen_at timestamptz, presence text, presence_at timestamptz, carrying jsonb,
    carrying_at timestamptz, health jsonb,
    health_at timestamptz, twin jsonb, twin_at timestamptz, lon float8, lat float8, heading_deg float8,
    speed_mps float8, position_at timestamptz)
WHERE d.city = n.city AND d.device = n.device
"""
# Binary, for as text each quotation mark within would be looked for and escaped.
_TELL: Final = """
INSERT INTO changes (kind, subject, payload)
SELECT 'bus', d.city || '/' || d.device,
    jsonb_build_object('device', d.device, 'presence', d.presence, 'points', n.points::jsonb)
FROM unnest(%b::text[], %b::text[], %b::text[]) AS n(city, device, points)
JOIN devices d ON d.city = n.city AND d.device = n.device
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    at: datetime
    lon: float
    lat: float
    heading_deg: float | None
    speed_mps: float | None


@dataclass(slots=True, kw_only=True)
class DeviceNews:
    """The newest of each kind; what is not there stays as it is."""

    city: str
    device: str
    seen_at: datetime
    presence: str | None = None
    presence_at: datetime | None = None
    carrying: dict[str, object] | None = None  # of a stop
    carrying_at: datetime | None = None
    health: dict[str, object] | None = None
    health_at: datetime | None = None
    twin: dict[str, object] | None = None
    twin_at: datetime | None = None
    position: Position | None = None
    points: str = "[]"  # that live viewers want, as the database wrote them
    is_worth_telling: bool = False

    def see(self, at: datetime) -> None:
        self.seen_at = max(self.seen_at, at)

    def note_presence(self, presence: str, at: datetime) -> None:
        if self.presence_at is None or at >= self.presence_at:
            self.presence, self.presence_at = presence, at

    def note_carrying(self, carrying: dict[str, object], at: datetime) -> None:
        if self.carrying_at is None or at >= self.carrying_at:
            self.carrying, self.carrying_at = carrying, at

    def note_health(self, health: dict[str, object], at: datetime) -> None:
        if self.health_at is None or at >= self.health_at:
            self.health, self.health_at = health, at

    def note_twin(self, twin: dict[str, object], at: datetime) -> None:
        if self.twin_at is None or at >= self.twin_at:
            self.twin, self.twin_at = twin, at

    def note_position(self, position: Position) -> None:
        if self.position is None or position.at >= self.position.at:
            self.position = position


async def apply_device_news(cursor: Cursor, news: Iterable[DeviceNews]) -> bool:
    """Write it; devices are locked in one order, so that two ingesters never wait for each other crosswise.

    Returns:
        Whether live viewers have something to look at.
    """
    ordered = sorted(news, key=lambda item: (item.city, item.device))
    await cursor.execute(_LOCK, ([item.city for item in ordered], [item.device for item in ordered]))
    await cursor.execute(_UPDATE, (Jsonb([_record(item) for item in ordered]),))
    told = [item for item in ordered if item.is_worth_telling]
    if told:
        columns = ([item.city for item in told], [item.device for item in told], [item.points for item in told])
        await cursor.execute(_TELL, columns)
    return bool(told)


def _record(news: DeviceNews) -> dict[str, object]:
    position = news.position
    return {
        "city": news.city,
        "device": news.device,
        "seen_at": news.seen_at.isoformat(),
        "presence": news.presence,
        "presence_at": _iso(news.presence_at),
        "carrying": news.carrying,
        "carrying_at": _iso(news.carrying_at),
        "health": news.health,
        "health_at": _iso(news.health_at),
        "twin": news.twin,
        "twin_at": _iso(news.twin_at),
        "position_at": _iso(position.at) if position is not None else None,
        "lon": position.lon if position is not None else None,
        "lat": position.lat if position is not None else None,
        "heading_deg": position.heading_deg if position is not None else None,
        "speed_mps": position.speed_mps if position is not None else None,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
