"""Buses of a county that run the agent: they drive as its timetable, traffic and breakdowns have them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from simulator.county.build import County
from simulator.county.damage import Floats, Indices
from simulator.county.traffic import TICK_S, Traffic
from simulator.route import Course, Line, Motion, Pose

BEFORE_THE_END_S: Final = 0.01  # of a lap, where a bus waits for its next departure


@dataclass(frozen=True, kw_only=True, eq=False)
class _Span:
    """What the chosen buses drove in one tick. Arrays (buses,)."""

    from_s: Floats  # of their laps
    to_s: Floats
    laps: Indices


class _Followed:
    """The county driven once more, without telling anything, as far as somebody asks."""

    def __init__(self, county: County, *, from_s: float, buses: Sequence[int]) -> None:
        self._traffic = Traffic(county, from_s=from_s)
        self._buses = np.array(buses)
        self._laps: Indices = np.zeros(len(buses), dtype=np.int64)
        self._spans: list[_Span] = []
        self._lock = threading.Lock()

    def line_of(self, place: int) -> int:
        return int(self._traffic.lines[self._buses[place]])

    def span(self, tick: int) -> _Span:
        with self._lock:
            while len(self._spans) <= tick:
                self._spans.append(self._drive())
            return self._spans[tick]

    def _drive(self) -> _Span:
        before = self._traffic.lap_s[self._buses]
        self._traffic.tick(TICK_S)
        after = self._traffic.lap_s[self._buses]
        has_left = after < before
        self._laps = self._laps + has_left
        return _Span(from_s=np.where(has_left, 0.0, before), to_s=after, laps=self._laps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CourseOfBus:
    followed: _Followed
    place: int  # among the chosen
    motion: Motion

    @property
    def line(self) -> Line:
        return self.motion.line

    def pose(self, at_s: float) -> Pose:
        """Where the bus is so long after the county began, and before that where it began."""
        tick, within_s = divmod(max(at_s, 0.0), TICK_S)
        span = self.followed.span(int(tick))
        from_s, to_s = float(span.from_s[self.place]), float(span.to_s[self.place])
        pace = (to_s - from_s) / TICK_S
        lap_s, end_s = from_s + pace * within_s, self.motion.lap_s - BEFORE_THE_END_S
        pose = self.motion.pose(min(lap_s, end_s))
        speed_mps = pose.speed_mps * pace if lap_s < end_s else 0.0
        return replace(pose, speed_mps=speed_mps, lap=int(span.laps[self.place]))


def courses_of(county: County, motions: Sequence[Motion], *, from_s: float, buses: Sequence[int]) -> tuple[Course, ...]:
    """Where some buses are, at any time since the county began `from_s` after its first midnight.

    Args:
        county: whose traffic is followed.
        motions: of free driving, one for each line.
        from_s: seconds.
        buses: their numbers.
    """
    followed = _Followed(county, from_s=from_s, buses=buses)
    return tuple(
        _CourseOfBus(followed=followed, place=place, motion=motions[followed.line_of(place)])
        for place in range(len(buses))
    )


def spread(buses: int, count: int) -> tuple[int, ...]:
    """Numbers of some buses of a county, as far from each other as can be, and so of many lines."""
    some = min(count, buses)
    return tuple((2 * place + 1) * buses // (2 * some) for place in range(some))
