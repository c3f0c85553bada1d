"""How buses were driven in the demo: what the cloud was told, against the truth."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

from cloud.db.value import fetch_value

SLACK: Final = timedelta(seconds=2)  # an event may be noticed so much before or after it was driven
TOLD_AFTER: Final = timedelta(seconds=5)  # its evidence goes on after it
SPEEDING: Final = "speeding"

_TOLD: Final = """
SELECT device, kind, from_at, to_at FROM driving_incidents
WHERE kind LIKE 'harsh%%' OR kind = 'speeding' ORDER BY from_at
"""
# A track rests before it is matched with the map, and that of a bus without a network comes late.
_WAITING: Final = """
SELECT t.device, min(t.at) FROM driving_queue q
JOIN track_points t ON t.id_at = q.id_at AND t.city = q.city AND t.device = q.device AND t.id = q.event_id
WHERE q.kind = 'track' GROUP BY t.device
"""
_WAY: Final = "SELECT coalesce(sum(way_m), 0) / 1000 FROM driving_exposure"


class Told(NamedTuple):
    """An incident as the cloud has it."""

    device: str
    kind: str
    from_at: datetime
    to_at: datetime


class Known(NamedTuple):
    """What the cloud makes of all drives."""

    told: list[Told]
    judged_until: dict[str, datetime]  # of buses of whose track something still waits
    way_km: float


def read_driving(database_url: str) -> Known:
    """Incidents of harsh and of fast driving, what is still to be judged, and the kilometres added up so far."""
    with psycopg.connect(database_url) as connection:
        waiting: dict[str, datetime] = dict(connection.execute(_WAITING).fetchall())
        told = [Told(*row) for row in connection.execute(_TOLD).fetchall()]
        way_km = float(fetch_value(connection, _WAY))
    return Known(told, waiting, way_km)


def score_driving(driven: Sequence[Mapping[str, Any]], known: Known, *, stood_at: datetime) -> dict[str, object]:
    """Moments that were clear and over, and whether they were told; what was told and was none at all.

    Args:
        driven: in truth.
        known: to the cloud.
        stood_at: when the buses had done driving.
    """
    over_at = stood_at - TOLD_AFTER
    moments = [(_told_of(one), bool(one["is_clear"])) for one in driven]
    harsh = [(moment, is_clear and moment.to_at <= over_at) for moment, is_clear in moments if moment.kind != SPEEDING]
    fast = [
        (moment, is_clear and moment.to_at <= min(over_at, known.judged_until.get(moment.device, over_at)))
        for moment, is_clear in moments
        if moment.kind == SPEEDING
    ]
    harsh_score = _score(harsh, [one for one in known.told if one.kind != SPEEDING])
    fast_score = _score(fast, [one for one in known.told if one.kind == SPEEDING])
    return {
        "driven_harshly": harsh_score.driven,
        "noticed": harsh_score.noticed,
        "invented": harsh_score.invented,
        "driven_too_fast": fast_score.driven,
        "too_fast_noticed": fast_score.noticed,
        "too_fast_invented": fast_score.invented,
        "way_km": round(known.way_km, 2),
    }


class _Score(NamedTuple):
    driven: int
    noticed: int
    invented: int


def _score(moments: Sequence[tuple[Told, bool]], told: Sequence[Told]) -> _Score:
    """Of moments, each with whether it has to be told."""
    due = [moment for moment, is_due in moments if is_due]
    return _Score(
        driven=len(due),
        noticed=sum(any(_is_same(moment, one) for one in told) for moment in due),
        invented=sum(not any(_is_same(moment, one) for moment, _ in moments) for one in told),
    )


def _told_of(moment: Mapping[str, Any]) -> Told:
    return Told(moment["device"], moment["kind"], _time(moment["from_at"]), _time(moment["to_at"]))


def _is_same(moment: Told, told: Told) -> bool:
    is_same_time = told.from_at <= moment.to_at + SLACK and moment.from_at <= told.to_at + SLACK
    return moment.device == told.device and moment.kind == told.kind and is_same_time


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
