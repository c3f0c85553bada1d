# ruff: noqa: ANN401 - fields to change are of any type
"""Observations, looks and stretches with sensible defaults; places in metres around one corner of the town."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from cloud.findings.geometry import place_at
from cloud.findings.model import Look, Observation
from cloud.findings.visibility import Stretch
from wire.envelope import make_id

ORIGIN_LON, ORIGIN_LAT = 120.40, 27.50
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    return place_at(np.array([east_m, north_m]), origin_lon=ORIGIN_LON, origin_lat=ORIGIN_LAT)


def observation(
    *, east_m: float = 0.0, north_m: float = 0.0, minutes: float = 0.0, device: str = "bus-1", **changes: Any
) -> Observation:
    at = NOON + timedelta(minutes=minutes)
    lon, lat = place(east_m, north_m)
    values: dict[str, Any] = {
        "id": make_id(at),
        "id_at": at,
        "city": "demo",
        "device": device,
        "at": at,
        "from_at": at - timedelta(seconds=2),
        "to_at": at + timedelta(seconds=1),
        "class_code": "D40",
        "confidence": 0.6,
        "lon": lon,
        "lat": lat,
        "along_m": 3.0,
        "across_m": 1.5,
        "heading_deg": 0.0,
    }
    return Observation(**(values | changes))


def look(*, minutes: float = 0.0, device: str = "bus-1", share: float = 1.0, **changes: Any) -> Look:
    at = NOON + timedelta(minutes=minutes)
    values: dict[str, Any] = {
        "coverage_id": make_id(at),
        "coverage_id_at": at,
        "city": "demo",
        "device": device,
        "from_at": at - timedelta(seconds=5),
        "to_at": at + timedelta(seconds=5),
        "heading_deg": 0.0,
        "share": share,
    }
    return Look(**(values | changes))


def stretch(*points_m: tuple[float, float], minutes: float = 0.0, device: str = "bus-1", **changes: Any) -> Stretch:
    at = NOON + timedelta(minutes=minutes)
    values: dict[str, Any] = {
        "id": make_id(at),
        "id_at": at,
        "city": "demo",
        "device": device,
        "from_at": at - timedelta(seconds=5),
        "to_at": at + timedelta(seconds=5),
        "line": [place(east_m, north_m) for east_m, north_m in points_m],
        "heading_deg": 0.0,
        "accuracy_m": 1.0,
        "usable_share": 1.0,
        "near_m": 4.0,
        "far_m": 20.0,
        "left_m": 5.0,
        "right_m": 4.0,
    }
    return Stretch(**(values | changes))
