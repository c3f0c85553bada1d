"""When buses usually pass, from the tracks that they left."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from cloud.condition.evidence import read_network
from cloud.condition.rules import ConditionRules
from cloud.condition.timetable import hour_of_week
from cloud.db.steps import drain
from cloud.db.value import fetch_value
from cloud.roads.matching import Position, Stay, stays

MOST_POINTS: Final = 2_000
MATCH_EVERY: Final = timedelta(minutes=2)  # a longer track is matched better, and more cheaply
_SAME_PASS: Final = timedelta(minutes=3)
_LONGEST: Final = timedelta(days=31)  # who was away for longer has no usual hours

_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('busense.passes', 0))"
_DUE: Final = """
SELECT d.city, d.device, m.up_to_at, d.position_at FROM devices d LEFT JOIN matched_tracks m USING (city, device)
WHERE d.position_at > coalesce(m.up_to_at, '-infinity') + %s ORDER BY m.up_to_at NULLS FIRST, d.device LIMIT 1
"""
# A device sends in order, so what comes later has a later id.
_POINTS: Final = """
SELECT id_at, at, lon, lat, accuracy_m, heading_deg FROM track_points
WHERE id_at > %(since)s AND city = %(city)s AND device = %(device)s AND fix <> 'none' AND clock_mark IS NULL
ORDER BY id_at, number LIMIT %(limit)s
"""
_ADD: Final = """
INSERT INTO segment_passes AS p (segment_id, city, device, hour, passes, last_at) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT segment_passes_pkey DO UPDATE SET
    passes = p.passes + EXCLUDED.passes, last_at = greatest(p.last_at, EXCLUDED.last_at)
"""
_LAST: Final = """
INSERT INTO segment_last_passes AS p (segment_id, last_at) VALUES (%s, %s)
ON CONFLICT ON CONSTRAINT segment_last_passes_pkey DO UPDATE SET last_at = greatest(p.last_at, EXCLUDED.last_at)
"""
_UP_TO: Final = """
INSERT INTO matched_tracks (city, device, up_to_at) VALUES (%s, %s, %s)
ON CONFLICT ON CONSTRAINT matched_tracks_pkey DO UPDATE SET up_to_at = EXCLUDED.up_to_at
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPoint:
    id_at: datetime
    at: datetime
    lon: float
    lat: float
    accuracy_m: float
    heading_deg: float | None


def note_passes(
    connection: Connection[Any],
    *,
    rules: ConditionRules,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Match what buses drove since the last time; returns how many of their tracks. In autocommit."""
    return drain(connection, lambda: _note_one(connection, rules, at=now()), should_stop=should_stop)


def _note_one(connection: Connection[Any], rules: ConditionRules, *, at: datetime) -> bool:
    due = connection.execute(_DUE, (MATCH_EVERY,)).fetchone() if fetch_value(connection, _LOCK) else None
    if due is None:
        return False
    city, device, up_to_at, position_at = due
    since = max(up_to_at or at - _LONGEST, at - _LONGEST)
    points = read_points(connection, city=city, device=device, since=since)
    if points:
        _count(connection, points, city=city, device=device, rules=rules)
    # A message's points share its id: a batch that was cut off inside one is short of a few of them.
    connection.execute(_UP_TO, (city, device, points[-1].id_at if points else position_at))
    _log.debug("track_matched device=%s/%s points=%d", city, device, len(points))
    return True


def read_points(connection: Connection[Any], *, city: str, device: str, since: datetime) -> list[TrackPoint]:
    """Points of a bus behind a time, in the order in which it sent them; at most MOST_POINTS."""
    values = {"since": since, "city": city, "device": device, "limit": MOST_POINTS}
    with connection.cursor(row_factory=class_row(TrackPoint)) as cursor:
        return cursor.execute(_POINTS, values).fetchall()


def _count(
    connection: Connection[Any], points: Sequence[TrackPoint], *, city: str, device: str, rules: ConditionRules
) -> None:
    positions = [
        Position(at=point.at, lon=point.lon, lat=point.lat, accuracy_m=point.accuracy_m, heading_deg=point.heading_deg)
        for point in sorted(points, key=lambda point: point.at)
    ]
    network = read_network(connection, np.array([(position.lon, position.lat) for position in positions]))
    passes = passes_of(stays(positions, network))
    hours = Counter((segment_id, hour_of_week(rules.local(at))) for segment_id, at in passes)
    last = {(segment_id, hour_of_week(rules.local(at))): at for segment_id, at in passes}
    rows = [
        (segment_id, city, device, hour, passes, last[segment_id, hour]) for (segment_id, hour), passes in hours.items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, sorted(rows))
        cursor.executemany(_LAST, sorted(dict(passes).items()))  # of each segment the newest, since they are in order


def passes_of(driven: Sequence[Stay]) -> list[tuple[str, datetime]]:
    """Passes over segments, in order of time; stays that follow each other at once are one pass."""
    passes: list[tuple[str, datetime]] = []
    left_at: dict[str, datetime] = {}
    for stay in driven:
        before = left_at.get(stay.segment_id)
        if before is None or stay.from_at - before > _SAME_PASS:
            passes.append((stay.segment_id, stay.from_at))
        left_at[stay.segment_id] = stay.to_at
    return passes
