"""Whether a driver is drowsy, looks away or holds a phone, from what eyes, head and hands do. Pure.

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
from edge_agent.scenarios.safe_driving.lasting import GAP_S, MOVING_MPS, LastingRule, event_at
from edge_agent.scenarios.safe_driving.rules import Event
from wire.messages import DrivingKind, DrivingSensor

WINDOW: Final = timedelta(seconds=60)
CLOSED: Final = 0.2  # openness of an eye that is 80 % closed
SLOW_S: Final = 0.5  # a blink takes 0.1 to 0.4 s
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
        return event_at(DrivingKind.DROWSY, ego, from_at=eyes.at - WINDOW, to_at=eyes.at, sensor=DrivingSensor.CAMERA)

    def perclos(self) -> float | None:
        """Share of the last minute in slow closures; none when the eyes were not seen for most of it."""
        seen_s = sum(span.seconds for span in self._spans)
        if seen_s < MIN_SEEN * WINDOW.total_seconds():
            return None
        runs = groupby(self._spans, lambda span: span.is_closed)
        closed_s = [sum(span.seconds for span in run) for is_closed, run in runs if is_closed]
        return sum(run_s for run_s in closed_s if run_s >= SLOW_S) / seen_s


def away_rule(*, away_s: float, away_deg: float) -> LastingRule[EyesReading]:
    """Looking away."""
    return LastingRule(
        DrivingKind.DISTRACTED,
        is_so=lambda eyes, _: eyes.away_deg is not None and eyes.away_deg > away_deg,
        least_s=away_s,
        sensor=DrivingSensor.CAMERA,
    )


def phone_rule(*, phone_s: float, belief: float) -> LastingRule[EyesReading]:
    """A phone at the wheel."""
    return LastingRule(
        DrivingKind.PHONE,
        is_so=lambda eyes, _: eyes.phone is not None and eyes.phone >= belief,
        least_s=phone_s,
        sensor=DrivingSensor.CAMERA,
    )
