"""What waits, what is known, and what follows, in the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.scenarios.safe_driving.assess import LONGEST, SAME_WITHIN, Known, Reported, Severity
from cloud.scenarios.safe_driving.exposure import Exposure

# Tracks rest, so that a stretch is not cut where a message ends; the rest of what is queued by then comes along.
_TAKE: Final = """
DELETE FROM driving_queue WHERE id IN (
    SELECT id FROM driving_queue WHERE kind = 'event' OR queued_at <= %(before)s
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING kind, city, device, event_id, id_at
"""
_EVENTS: Final = """
SELECT e.city, e.device, e.kind, e.from_at, e.to_at, e.received_at, e.lon, e.lat, e.peak_mps2, e.speed_mps,
    e.limit_mps, e.level, e.sensor, e.evidence, e.clip
FROM unnest(%(id_at)s::timestamptz[], %(city)s::text[], %(device)s::text[], %(event_id)s::uuid[])
    AS n(id_at, city, device, id)
JOIN driving_events e ON e.id_at = n.id_at AND e.city = n.city AND e.device = n.device AND e.id = n.id
WHERE e.clock_mark IS NULL ORDER BY e.from_at, e.id
"""
_POINTS: Final = """
SELECT t.city, t.device, t.id AS message_id, t.at, t.lon, t.lat, t.accuracy_m, t.speed_mps, t.heading_deg
FROM unnest(%(id_at)s::timestamptz[], %(city)s::text[], %(device)s::text[], %(event_id)s::uuid[])
    AS n(id_at, city, device, id)
JOIN track_points t ON t.id_at = n.id_at AND t.city = n.city AND t.device = n.device AND t.id = n.id
WHERE t.clock_mark IS NULL AND t.fix <> 'none' ORDER BY t.city, t.device, t.at
"""
_POINTS_BEFORE: Final = """
SELECT city, device, id AS message_id, at, lon, lat, accuracy_m, speed_mps, heading_deg FROM track_points
WHERE id_at >= %(since)s AND id_at <= %(made_to)s AND city = %(city)s AND device = %(device)s
    AND at < %(at)s AND at >= %(since)s AND clock_mark IS NULL AND fix <> 'none' ORDER BY at
"""
_KNOWN: Final = """
SELECT kind, from_at, to_at FROM driving_incidents
WHERE city = %s AND device = %s AND kind = %s AND from_at <= %s AND from_at >= %s AND to_at >= %s ORDER BY from_at
"""
_INSERT: Final = """
INSERT INTO driving_incidents (city, device, kind, from_at, to_at, received_at, lon, lat, peak_mps2, speed_mps,
    limit_mps, severity, sensor, segment_id, evidence, clip)
VALUES (%(city)s, %(device)s, %(kind)s, %(from_at)s, %(to_at)s, %(received_at)s, %(lon)s, %(lat)s, %(peak_mps2)s,
    %(speed_mps)s, %(limit_mps)s, %(severity)s, %(sensor)s, %(segment_id)s, %(evidence)s,
    %(clip)s)
ON CONFLICT ON CONSTRAINT driving_incidents_time_key DO NOTHING
"""
# It lasts longer than was known, or is worse, and then tells of that; what was reviewed stays reviewed, and who was
# about to review it looks again.
_WORSEN: Final = """
UPDATE driving_incidents SET version = version + 1, severity = %(severity)s, lon = %(lon)s, lat = %(lat)s,
    peak_mps2 = %(peak_mps2)s, speed_mps = %(speed_mps)s, limit_mps = %(limit_mps)s, sensor = %(sensor)s,
    segment_id = coalesce(%(segment_id)s, segment_id),
    evidence = coalesce(nullif(%(evidence)s, '[]'::jsonb), evidence)
WHERE city = %(city)s AND device = %(device)s AND kind = %(kind)s AND from_at = %(known_from_at)s
    AND severity < %(severity)s
"""
_GO_ON: Final = """
UPDATE driving_incidents SET from_at = least(from_at, %(from_at)s), to_at = greatest(to_at, %(to_at)s),
    clip = coalesce(clip, %(clip)s)
WHERE city = %(city)s AND device = %(device)s AND kind = %(kind)s AND from_at = %(known_from_at)s
"""
_ADD_EXPOSURE: Final = """
INSERT INTO driving_exposure AS e (city, device, hour, way_m, moving_s) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT driving_exposure_pkey DO UPDATE SET
    way_m = e.way_m + EXCLUDED.way_m, moving_s = e.moving_s + EXCLUDED.moving_s
"""
_LIMITS: Final = """
SELECT s.id, r.limit_mps FROM segments s JOIN roads r ON r.id = s.road_id
WHERE s.id = ANY(%s) AND r.limit_mps IS NOT NULL
"""
_MADE_WITHIN: Final = timedelta(minutes=2)  # of its last point a message is made


class Key(NamedTuple):
    """A message."""

    city: str
    device: str
    event_id: UUID
    id_at: datetime


@dataclass(slots=True, kw_only=True)
class Taken:
    """Messages taken out of the queue."""

    events: list[Key] = field(default_factory=list[Key])
    tracks: list[Key] = field(default_factory=list[Key])

    def __len__(self) -> int:
        return len(self.events) + len(self.tracks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An event as it is to be kept."""

    city: str
    device: str
    kind: str
    from_at: datetime
    to_at: datetime
    received_at: datetime
    lon: float
    lat: float
    peak_mps2: float
    speed_mps: float
    limit_mps: float | None
    sensor: str | None
    evidence: list[dict[str, Any]]
    level: int | None = None
    segment_id: str | None = None
    clip: dict[str, Any] | None = None

    @property
    def reported(self) -> Reported:
        return Reported(
            kind=self.kind,
            from_at=self.from_at,
            to_at=self.to_at,
            peak_mps2=self.peak_mps2,
            speed_mps=self.speed_mps,
            limit_mps=self.limit_mps,
            level=self.level,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a track."""

    city: str
    device: str
    message_id: UUID
    at: datetime
    lon: float
    lat: float
    accuracy_m: float
    speed_mps: float | None
    heading_deg: float | None


def take(connection: Connection[Any], *, before: datetime, limit: int) -> Taken:
    """Take what waits out of the queue: events at once, tracks that were queued before a time."""
    taken = Taken()
    for kind, *key in connection.execute(_TAKE, {"before": before, "limit": limit}).fetchall():
        (taken.events if kind == "event" else taken.tracks).append(Key(*key))
    return taken


def read_events(connection: Connection[Any], keys: Sequence[Key]) -> list[Incident]:
    """Events by their keys, oldest first; those of a clock that is not believed are none."""
    with connection.cursor(row_factory=class_row(Incident)) as cursor:
        return cursor.execute(_EVENTS, _columns(keys)).fetchall()


def read_points(connection: Connection[Any], keys: Sequence[Key]) -> list[Point]:
    """Points of tracks, by bus and time."""
    with connection.cursor(row_factory=class_row(Point)) as cursor:
        return cursor.execute(_POINTS, _columns(keys)).fetchall()


def read_points_before(connection: Connection[Any], first: Point, *, for_at_most: timedelta) -> list[Point]:
    """Points of the same bus just before one, in order of time: those of messages that were taken before."""
    times = {"at": first.at, "since": first.at - for_at_most, "made_to": first.at + _MADE_WITHIN}
    values = times | {"city": first.city, "device": first.device}
    with connection.cursor(row_factory=class_row(Point)) as cursor:
        return cursor.execute(_POINTS_BEFORE, values).fetchall()


def read_known(connection: Connection[Any], incident: Incident) -> list[Known]:
    """What is known of the same kind at that bus around that time."""
    latest, earliest = incident.to_at + SAME_WITHIN, incident.from_at - SAME_WITHIN
    values = (incident.city, incident.device, incident.kind, latest, earliest - LONGEST, earliest)
    with connection.cursor(row_factory=class_row(Known)) as cursor:
        return cursor.execute(_KNOWN, values).fetchall()


def add(connection: Connection[Any], incident: Incident, severity: Severity) -> None:
    """Keep a new incident; one that is there already stays as it is."""
    connection.execute(_INSERT, _values(incident, severity))


def go_on(connection: Connection[Any], incident: Incident, known: Known, severity: Severity) -> None:
    """Let a known incident go on, or begin as early as a part that came late."""
    values = _values(incident, severity) | {"known_from_at": known.from_at}
    connection.execute(_WORSEN, values)
    connection.execute(_GO_ON, values)


def add_exposure(connection: Connection[Any], sums: Iterable[tuple[str, str, Exposure]]) -> None:
    """Add what was driven, always in the same order: two workers must not lock crosswise."""
    rows = [(city, device, each.hour, each.way_m, each.moving_s) for city, device, each in sums]
    with connection.cursor() as cursor:
        cursor.executemany(_ADD_EXPOSURE, sorted(rows, key=lambda row: row[:3]))


def read_limits(connection: Connection[Any], segment_ids: Iterable[str]) -> dict[str, float]:
    """Limits of segments, in m/s, where they are known."""
    return dict(connection.execute(_LIMITS, (sorted(set(segment_ids)),)).fetchall())


def _values(incident: Incident, severity: Severity) -> dict[str, Any]:
    values = {name: getattr(incident, name) for name in Incident.__slots__}
    clip = None if incident.clip is None else Jsonb(incident.clip)
    return values | {"severity": int(severity), "evidence": Jsonb(incident.evidence), "clip": clip}


def _columns(keys: Sequence[Key]) -> dict[str, list[Any]]:
    return {name: [getattr(key, name) for key in keys] for name in Key._fields}
