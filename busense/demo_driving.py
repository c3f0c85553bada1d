"""How buses were driven in the demo: what the cloud was told, against the truth."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

SLACK: Final = timedelta(seconds=2)  # an event may be noticed so much before or after it was driven
TOLD_AFTER: Final = timedelta(seconds=5)  # its evidence goes on after it ...
FAST_TOLD_AFTER: Final = timedelta(seconds=40)  # ... and a track is matched with the map when it has rested
SPEEDING: Final = "speeding"

_TOLD: Final = """
SELECT device, kind, from_at, to_at FROM driving_incidents
WHERE kind LIKE 'harsh%%' OR kind = 'speeding' ORDER BY from_at
"""
_WAY: Final = "SELECT coalesce(sum(way_m), 0) / 1000 FROM driving_exposure"


class Told(NamedTuple):
    """An incident as the cloud has it."""

    device: str
    kind: str
    from_at: datetime
    to_at: datetime


def read_driving(database_url: str) -> tuple[list[Told], float]:
    """Incidents of harsh and of fast driving, and the kilometres that the cloud has added up."""
    with psycopg.connect(database_url) as connection:
        told = [Told(*row) for row in connection.execute(_TOLD).fetchall()]
        row = connection.execute(_WAY).fetchone()
    return told, 0.0 if row is None else float(row[0])


def score_driving(
    driven: Sequence[Mapping[str, Any]], told: Sequence[Told], *, ended_at: datetime, way_km: float
) -> dict[str, object]:
    """Moments that were clear and over, and whether they were told; what was told and was none at all."""
    moments = [(_told_of(one), bool(one["is_clear"])) for one in driven]
    harsh, fast = (
        _score(
            [(moment, is_clear) for moment, is_clear in moments if (moment.kind == SPEEDING) is is_fast],
            [one for one in told if (one.kind == SPEEDING) is is_fast],
            before=ended_at - (FAST_TOLD_AFTER if is_fast else TOLD_AFTER),
        )
        for is_fast in (False, True)
    )
    return {
        "driven_harshly": harsh.driven,
        "noticed": harsh.noticed,
        "invented": harsh.invented,
        "driven_too_fast": fast.driven,
        "too_fast_noticed": fast.noticed,
        "too_fast_invented": fast.invented,
        "way_km": round(way_km, 2),
    }


class _Score(NamedTuple):
    driven: int
    noticed: int
    invented: int


def _score(moments: Sequence[tuple[Told, bool]], told: Sequence[Told], *, before: datetime) -> _Score:
    over = [moment for moment, is_clear in moments if is_clear and moment.to_at <= before]
    return _Score(
        driven=len(over),
        noticed=sum(any(_is_same(moment, one) for one in told) for moment in over),
        invented=sum(not any(_is_same(moment, one) for moment, _ in moments) for one in told),
    )


def _told_of(moment: Mapping[str, Any]) -> Told:
    return Told(moment["device"], moment["kind"], _time(moment["from_at"]), _time(moment["to_at"]))


def _is_same(moment: Told, told: Told) -> bool:
    is_same_time = told.from_at <= moment.to_at + SLACK and moment.from_at <= told.to_at + SLACK
    return moment.device == told.device and moment.kind == told.kind and is_same_time


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
