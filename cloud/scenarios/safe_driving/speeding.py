"""Speeding, from positions that lie on segments with a known limit. Nothing is said across a gap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

MAX_GAP_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenPoint:
    """Where a bus was, how fast, and what was allowed there."""

    at: datetime
    lon: float
    lat: float
    speed_mps: float | None
    segment_id: str | None
    limit_mps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is let pass: receivers and maps are not exact. The larger of both counts."""

    mps: float
    share: float
    min_s: float

    def is_over(self, point: DrivenPoint) -> bool:
        """Whether a point is beyond the limit and what is let pass."""
        if point.limit_mps is None or point.speed_mps is None:
            return False
        return point.speed_mps > point.limit_mps + max(self.mps, self.share * point.limit_mps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch driven too fast, with the point where it was worst against its limit."""

    points: tuple[DrivenPoint, ...]
    worst: DrivenPoint


def find_speeding(points: Sequence[DrivenPoint], tolerance: Tolerance) -> list[Stretch]:
    """Stretches that were driven too fast for long enough; points are in order of time."""
    return [
        Stretch(points=run, worst=max(run, key=_share_of_limit))
        for run in _runs(points, tolerance)
        if (run[-1].at - run[0].at).total_seconds() >= tolerance.min_s
    ]


def _runs(points: Sequence[DrivenPoint], tolerance: Tolerance) -> Iterator[tuple[DrivenPoint, ...]]:
    for part in _without_gaps(points):
        for is_over, run in groupby(part, tolerance.is_over):
            if is_over:
                yield tuple(run)


def _without_gaps(points: Sequence[DrivenPoint]) -> Iterator[list[DrivenPoint]]:
    part: list[DrivenPoint] = []
    for point in points:
        if part and (point.at - part[-1].at).total_seconds() > MAX_GAP_S:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def _share_of_limit(point: DrivenPoint) -> float:
    return (point.speed_mps or 0.0) / (point.limit_mps or 1.0)
