"""How buses were driven in the demo: what the cloud was told, against the truth."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

SLACK: Final = timedelta(seconds=2)  # an event may be noticed so much before or after it was driven
TOLD_AFTER: Final = timedelta(seconds=5)  # its evidence goes on after it

_TOLD: Final = """
SELECT device, kind, from_at, to_at FROM driving_incidents WHERE kind LIKE 'harsh%%' ORDER BY from_at
"""
_WAY: Final = "SELECT coalesce(sum(way_m), 0) / 1000 FROM driving_exposure"


class Told(NamedTuple):
    """An incident as the cloud has it."""

    device: str
    kind: str
    from_at: datetime
    to_at: datetime


def read_driving(database_url: str) -> tuple[list[Told], float]:
    """Harsh incidents, and how many kilometres were driven as far as the cloud has added them up."""
    with psycopg.connect(database_url) as connection:
        told = [Told(*row) for row in connection.execute(_TOLD).fetchall()]
        row = connection.execute(_WAY).fetchone()
    return told, 0.0 if row is None else float(row[0])


def score_driving(
    harsh: Sequence[Mapping[str, Any]], told: Sequence[Told], *, ended_at: datetime, way_km: float
) -> dict[str, object]:
    """Harsh moments that were clear and over, and whether they were told; what was told and was none at all."""
    moments = [Told(one["device"], one["kind"], _time(one["from_at"]), _time(one["to_at"])) for one in harsh]
    is_clear = [bool(one["is_clear"]) for one in harsh]
    clear = [moment for moment, sure in zip(moments, is_clear, strict=True) if sure]
    over = [moment for moment in clear if moment.to_at + TOLD_AFTER <= ended_at]
    return {
        "driven_harshly": len(over),
        "noticed": sum(any(_is_same(moment, one) for one in told) for moment in over),
        "invented": sum(not any(_is_same(moment, one) for moment in moments) for one in told),
        "way_km": round(way_km, 2),
    }


def _is_same(moment: Told, told: Told) -> bool:
    is_same_time = told.from_at <= moment.to_at + SLACK and moment.from_at <= told.to_at + SLACK
    return moment.device == told.device and moment.kind == told.kind and is_same_time


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
