"""A month of road condition, summed up from the history of the segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cloud.condition.pci import Grade, grade_of

WORST = 30
_FEBRUARY_AT_MOST = 32  # days to the next month, from the first of any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A segment's condition at the end of a day."""

    segment_id: str
    day: date
    name: str | None
    kind: str
    length_m: float
    pci: float | None
    low: float | None
    high: float | None
    surveyed_share: float
    findings: int
    last_looked_on: date | None
    is_looked_at: bool  # on this very day


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The network at the end of a day."""

    day: date
    pci: float | None  # mean by length
    looked_at_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a report tells."""

    first_day: date
    network_km: float
    known_km: float
    looked_at_km: float
    pci: float | None
    km_by_grade: dict[Grade, float]
    days: tuple[Day, ...]
    worst: tuple[Line, ...]  # of those that are not excellent
    found: tuple[tuple[str, int], ...]  # class code and number of findings first seen in this month


def days_of(first_day: date) -> list[date]:
    """All days of a month."""
    following = (first_day + timedelta(days=_FEBRUARY_AT_MOST)).replace(day=1)
    return [first_day + timedelta(days=number) for number in range((following - first_day).days)]


def sum_up(
    lines: Iterable[Line], *, first_day: date, last_day: date, network_km: float, found: Sequence[tuple[str, int]]
) -> Month:
    """Sum up a month, up to a day in it.

    Args:
        lines: the newest line of each segment before the month, and all lines within it, in any order.
        first_day: first of the month.
        last_day: the last one to tell of.
        network_km: length of the whole network.
        found: class codes with their numbers of new findings.
    """
    by_day: dict[date, list[Line]] = {}
    for line in lines:
        by_day.setdefault(max(line.day, first_day - timedelta(days=1)), []).append(line)
    state: dict[str, Line] = {line.segment_id: line for line in by_day.get(first_day - timedelta(days=1), [])}
    days: list[Day] = []
    looked_at: dict[str, float] = {}
    for day in (day for day in days_of(first_day) if day <= last_day):
        today = by_day.get(day, [])
        state |= {line.segment_id: line for line in today}
        seen = {line.segment_id: line.length_m for line in today if line.is_looked_at}
        looked_at |= seen
        days.append(Day(day=day, pci=mean_pci(state.values()), looked_at_km=sum(seen.values()) / 1000))
    known = [line for line in state.values() if line.pci is not None]
    worse = (line for line in known if grade_of(line.pci) is not Grade.EXCELLENT)
    return Month(
        first_day=first_day,
        network_km=network_km,
        known_km=sum(line.length_m for line in known) / 1000,
        looked_at_km=sum(looked_at.values()) / 1000,
        pci=mean_pci(known),
        km_by_grade=_km_by_grade(known, network_km),
        days=tuple(days),
        worst=tuple(sorted(worse, key=lambda line: (line.pci, line.low, line.segment_id))[:WORST]),
        found=tuple(found),
    )


def mean_pci(lines: Iterable[Line]) -> float | None:
    """Mean by length; none when nothing is known."""
    known = [(line.pci, line.length_m) for line in lines if line.pci is not None]
    total_m = sum(length_m for _, length_m in known)
    return sum(pci * length_m for pci, length_m in known) / total_m if total_m else None


def _km_by_grade(known: Sequence[Line], network_km: float) -> dict[Grade, float]:
    km = dict.fromkeys(Grade, 0.0)
    for line in known:
        km[grade_of(line.pci)] += line.length_m / 1000
    return km | {Grade.UNKNOWN: max(0.0, network_km - sum(km.values()))}
