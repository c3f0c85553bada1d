"""Whether a driver is drowsy or looks away, from how open the eyes are and where the head points. Pure.

PERCLOS P80: share of a minute in which the eyes are at least 80 % closed, slow closures only, since a blink is none.
Source: Wierwille and others, Research on Vehicle-Based Driver Status/Performance Monitoring, DOT HS 808 247 (1994).
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from edge_agent.ego import EgoState
from edge_agent.readings import EyesReading
from edge_agent.scenarios.safe_driving.rules import Event
from wire.messages import DrivingKind, DrivingSensor

WINDOW: Final = timedelta(seconds=60)
CLOSED: Final = 0.2  # openness of an eye that is 80 % closed
SLOW_S: Final = 0.5  # a blink takes 0.1 to 0.4 s
MOVING_MPS: Final = 3.0  # who stands may close the eyes
GAP_S: Final = 1.0
MIN_SEEN: Final = 0.7  # of the window: who wears dark glasses is not known to be awake or asleep


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The time between two samples."""

    to_at: datetime
    seconds: float
    is_closed: bool


class DrowsyRule:
    """Eyes that were closed for too much of the last minute; told once, until it is clearly over."""

    def __init__(self, *, perclos: float) -> None:
        self._limit = perclos
        self._spans: deque[_Span] = deque()
        self._last: EyesReading | None = None
        self._is_told = False

    def take(self, eyes: EyesReading, ego: EgoState | None) -> Event | None:
        """Take a sample; an event when the limit is passed while the bus moves."""
        before, self._last = self._last, eyes
        passed_s = 0.0 if before is None else (eyes.at - before.at).total_seconds()
        if before is not None and before.openness is not None and 0 < passed_s <= GAP_S:
            self._spans.append(_Span(to_at=eyes.at, seconds=passed_s, is_closed=before.openness <= CLOSED))
        elif passed_s < 0:
            self._spans.clear()
        while self._spans and eyes.at - self._spans[0].to_at > WINDOW:
            self._spans.popleft()
        perclos = self.perclos()
        if perclos is None or perclos < self._limit / 2:
            self._is_told = False
        if perclos is None or perclos < self._limit or self._is_told or ego is None or ego.speed_mps < MOVING_MPS:
            return None
        self._is_told = True
        return _event(DrivingKind.DROWSY, ego, from_at=eyes.at - WINDOW, to_at=eyes.at)

    def perclos(self) -> float | None:
        """Share of the last minute in slow closures; none when the eyes were not seen for most of it."""
        seen_s = sum(span.seconds for span in self._spans)
        if seen_s < MIN_SEEN * WINDOW.total_seconds():
            return None
        runs = groupby(self._spans, lambda span: span.is_closed)
        closed_s = [sum(span.seconds for span in run) for is_closed, run in runs if is_closed]
        return sum(run_s for run_s in closed_s if run_s >= SLOW_S) / seen_s


class AwayRule:
    """Looking away for too long while the bus moves; told when it is over."""

    def __init__(self, *, away_s: float, away_deg: float) -> None:
        self._away_s, self._away_deg = away_s, away_deg
        self._since: tuple[datetime, EgoState] | None = None
        self._last_at: datetime | None = None

    def take(self, eyes: EyesReading, ego: EgoState | None) -> Event | None:
        """Take a sample; an event when the driver looks ahead again."""
        last_at, self._last_at = self._last_at, eyes.at
        is_gap = last_at is not None and not 0 < (eyes.at - last_at).total_seconds() <= GAP_S
        is_away = eyes.away_deg is not None and eyes.away_deg > self._away_deg
        if is_away and not is_gap and self._since is not None:
            return None
        ended = self._end(last_at)
        if is_away and ego is not None and ego.speed_mps >= MOVING_MPS:
            self._since = eyes.at, ego
        return ended

    def end(self) -> Event | None:
        """What was going on, if it was long enough."""
        return self._end(self._last_at)

    def _end(self, last_at: datetime | None) -> Event | None:
        since, self._since = self._since, None
        if since is None or last_at is None or (last_at - since[0]).total_seconds() < self._away_s:
            return None
        return _event(DrivingKind.DISTRACTED, since[1], from_at=since[0], to_at=last_at)


def _event(kind: DrivingKind, ego: EgoState, *, from_at: datetime, to_at: datetime) -> Event:
    return Event(
        kind=kind,
        from_at=from_at,
        to_at=to_at,
        lon=ego.lon,
        lat=ego.lat,
        peak_mps2=0.0,
        speed_mps=ego.speed_mps,
        sensor=DrivingSensor.CAMERA,
    )
