"""Fixes in, track messages out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge_agent.ego import EgoState
from edge_agent.readings import FixQuality, GnssReading, Image, Reading, compass_deg
from wire.messages import Fix, Track, TrackPoint

EVERY_S: Final = 0.95  # one point a second, whatever the receiver's rate; its clock may be a little early
AT_STOP_S: Final = 600.0  # a stop stays where it is
MAX_POINTS: Final = 120  # limit of the contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A message of positions."""

    message: Track
    observed_at: datetime
    image: Image | None = None


class Whereabouts:
    """Collects positions until a batch is full."""

    def __init__(self, *, batch_s: float, every_s: float = EVERY_S) -> None:
        self._batch_s, self._every_s = batch_s, every_s
        self._points: list[TrackPoint] = []
        self._latest_at: datetime | None = None

    def take(self, reading: Reading, ego: EgoState | None) -> list[Batch]:  # noqa: ARG002 - where it was told to be
        return self._add(reading) if isinstance(reading, GnssReading) else []

    def _add(self, fix: GnssReading) -> list[Batch]:
        if fix.fix is FixQuality.NONE or not self._is_due(fix.at):
            return []
        self._latest_at = fix.at
        self._points.append(_point(fix))
        passed_s = abs((fix.at - self._points[0].at).total_seconds())
        return self.end() if passed_s >= self._batch_s or len(self._points) >= MAX_POINTS else []

    def end(self) -> list[Batch]:
        """What was collected."""
        points, self._points = tuple(self._points), []
        return [Batch(message=Track(points=points), observed_at=points[-1].at)] if points else []

    def _is_due(self, at: datetime) -> bool:
        return self._latest_at is None or not 0.0 <= (at - self._latest_at).total_seconds() < self._every_s


def _point(fix: GnssReading) -> TrackPoint:
    return TrackPoint(
        at=fix.at,
        lon=fix.lon,
        lat=fix.lat,
        accuracy_m=fix.accuracy_m,
        fix=Fix(fix.fix.value),
        speed_mps=fix.speed_mps,
        heading_deg=None if fix.heading_deg is None else compass_deg(fix.heading_deg),
    )
