"""One step of the worker: new events become incidents, tracks tell how much was driven and where it was too fast."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

import numpy as np
from psycopg import Connection

from cloud.condition.evidence import read_network
from cloud.db.aside import Kind, do_apart
from cloud.db.steps import drain
from cloud.db.value import fetch_value
from cloud.driving import repository
from cloud.driving.repository import Incident, Key, Point
from cloud.driving.rules import DrivingRules
from cloud.roads.matching import Position, match_track
from cloud.scenarios.safe_driving.assess import assess
from cloud.scenarios.safe_driving.exposure import Moment, exposure_of
from cloud.scenarios.safe_driving.speeding import DrivenPoint, Stretch, find_speeding

BATCH: Final = 500
BEFORE: Final = timedelta(seconds=30)  # of way before what is new: a stretch is not cut where a message or a step ends
SLOWEST_LIMIT_MPS: Final = 5.0  # whoever drives slower is nowhere too fast, and needs no map

# One worker at a time: incidents of one bus are joined in the order of their time.
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('busense.driving', 0))"


def note_driving(
    connection: Connection[Any],
    *,
    rules: DrivingRules,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Take all that waits into account; returns how many messages it was. The connection is in autocommit."""
    return drain(connection, lambda: _step(connection, rules, at=now()), should_stop=should_stop)


def _step(connection: Connection[Any], rules: DrivingRules, *, at: datetime) -> int:
    if not fetch_value(connection, _LOCK):
        return 0
    taken = repository.take(connection, before=at - rules.speeding.rest, limit=BATCH)
    do_apart(
        connection,
        taken.events,
        lambda keys: _note_all(connection, repository.read_events(connection, keys)),
        kind=Kind.DRIVING,
        subject_of=lambda key: _subject("event", key),
    )
    do_apart(
        connection,
        taken.tracks,
        lambda keys: _take_tracks(connection, keys, rules, at=at),
        kind=Kind.DRIVING,
        subject_of=lambda key: _subject("track", key),
    )
    return len(taken)


def _subject(kind: str, key: Key) -> dict[str, str]:
    return {
        "kind": kind,
        "city": key.city,
        "device": key.device,
        "event_id": str(key.event_id),
        "id_at": key.id_at.isoformat(),
    }


def _note_all(connection: Connection[Any], incidents: Sequence[Incident]) -> None:
    for incident in incidents:
        verdict = assess(incident.reported, repository.read_known(connection, incident))
        if verdict.joins is None:
            repository.add(connection, incident, verdict.severity)
        else:
            repository.go_on(connection, incident, verdict.joins, verdict.severity)


def _take_tracks(connection: Connection[Any], keys: Sequence[Key], rules: DrivingRules, *, at: datetime) -> None:
    points = repository.read_points(connection, keys)
    repository.add_exposure(connection, _exposures(points))
    for (city, device), of_bus in groupby(points, lambda point: (point.city, point.device)):
        fast = _near_fast(list(of_bus))
        if fast:
            is_fast_before = (fast[0].speed_mps or 0.0) > SLOWEST_LIMIT_MPS
            before = repository.read_points_before(connection, fast[0], for_at_most=BEFORE) if is_fast_before else []
            stretches = find_speeding(_on_map(connection, [*before, *fast]), rules.speeding.tolerance)
            new = [stretch for stretch in stretches if stretch.points[-1].at >= fast[0].at]
            _note_all(connection, [_incident(city, device, stretch, at=at) for stretch in new])


def _exposures(points: Sequence[Point]) -> Iterator[tuple[str, str, Any]]:
    ordered = sorted(points, key=lambda point: (point.city, point.device, point.message_id))
    for (city, device, _), of_message in groupby(ordered, lambda point: (point.city, point.device, point.message_id)):
        moments = [Moment(point.at, point.speed_mps) for point in of_message]
        yield from ((city, device, each) for each in exposure_of(moments))


def _near_fast(points: list[Point]) -> list[Point]:
    """All points, when any is faster than the slowest limit: a match needs those around it."""
    return points if any((point.speed_mps or 0.0) > SLOWEST_LIMIT_MPS for point in points) else []


def _on_map(connection: Connection[Any], points: Sequence[Point]) -> list[DrivenPoint]:
    positions = [
        Position(at=point.at, lon=point.lon, lat=point.lat, accuracy_m=point.accuracy_m, heading_deg=point.heading_deg)
        for point in points
    ]
    network = read_network(connection, np.array([(point.lon, point.lat) for point in points]))
    places = match_track(positions, network)
    limits = repository.read_limits(connection, (place.segment_id for place in places if place is not None))
    return [
        DrivenPoint(
            at=point.at,
            lon=point.lon,
            lat=point.lat,
            speed_mps=point.speed_mps,
            segment_id=None if place is None else place.segment_id,
            limit_mps=None if place is None else limits.get(place.segment_id),
        )
        for point, place in zip(points, places, strict=True)
    ]


def _incident(city: str, device: str, stretch: Stretch, *, at: datetime) -> Incident:
    worst = stretch.worst
    return Incident(
        city=city,
        device=device,
        kind="speeding",
        from_at=stretch.points[0].at,
        to_at=stretch.points[-1].at,
        received_at=at,
        lon=worst.lon,
        lat=worst.lat,
        peak_mps2=0.0,
        speed_mps=worst.speed_mps or 0.0,
        limit_mps=worst.limit_mps,
        sensor="gnss",
        segment_id=worst.segment_id,
        evidence=[
            {"at": point.at.isoformat(), "speed_mps": point.speed_mps, "limit_mps": point.limit_mps}
            for point in stretch.points[:200]
        ],
    )
