"""When a gauge says that the road is flooded, and when that it is not any more: pure.

A level counts from the beginning of the interval that it stands for. Between both thresholds nothing changes, so that
waves do not open and close a case; what is not measured changes nothing either: silence is not dryness.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cloud.findings.model import Severity
from cloud.scenarios.stop_water.rules import GaugeRules

STALE_AFTER: Final = timedelta(minutes=15)
"""So old a level tells nothing of now."""
GAP: Final = timedelta(minutes=15)
"""Levels farther apart do not belong to one rise or fall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a gauge measured."""

    from_at: datetime
    at: datetime
    level_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Where a gauge stands."""

    is_flooded: bool
    above_since: datetime | None  # every level since was at or over the threshold
    below_since: datetime | None  # every level since was under the lower one
    level_m: float
    level_at: datetime


def assess(gauge: Gauge | None, level: Level, *, rules: GaugeRules) -> Gauge:
    """Take the next level; one that is not newer than the last changes nothing."""
    if gauge is not None and level.at <= gauge.level_at:
        return gauge
    if gauge is None:
        gauge = Gauge(
            is_flooded=False, above_since=None, below_since=None, level_m=level.level_m, level_at=level.from_at
        )
    is_one_course = level.from_at - gauge.level_at <= GAP
    above = level.level_m >= rules.flooded_from_m
    below = level.level_m < rules.dry_below_m
    after = replace(
        gauge,
        above_since=_since(gauge.above_since, level, holds=above, is_one_course=is_one_course),
        below_since=_since(gauge.below_since, level, holds=below, is_one_course=is_one_course),
        level_m=level.level_m,
        level_at=level.at,
    )
    hold = timedelta(seconds=rules.hold_s)
    if not gauge.is_flooded and after.above_since is not None and level.at - after.above_since >= hold:
        return replace(after, is_flooded=True)
    if gauge.is_flooded and after.below_since is not None and level.at - after.below_since >= hold:
        return replace(after, is_flooded=False)
    return after


def severity_of(level_m: float, *, rules: GaugeRules) -> Severity:
    """How bad a flood is."""
    return Severity.HEAVY if level_m >= rules.heavy_from_m else Severity.MEDIUM


def _since(since: datetime | None, level: Level, *, holds: bool, is_one_course: bool) -> datetime | None:
    if not holds:
        return None
    return since if since is not None and is_one_course else level.from_at
