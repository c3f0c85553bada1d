"""How often something happened for what was driven, with its interval; and who can be told apart at all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from scipy.special import gammaincinv

LEVEL: Final = 0.90
PER_KM: Final = 100.0
WEEK: Final = timedelta(days=7)
COARSE_KM: Final = 10.0
_JEFFREYS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Incidents and exposure of a bus or a driver."""

    name: str
    incidents: int
    way_km: float
    moving_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Incidents per 100 km with a 90 % interval. Group 1 has fewest; within a group nobody can be told from another."""

    name: str
    incidents: int
    way_km: float
    moving_h: float
    per_100_km: float
    low: float
    high: float
    group: int


def whole_weeks(at: datetime, *, days: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The whole weeks, Monday to Monday of the county's clock, that are over and hold at least so many days."""
    local = at.astimezone(zone)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), time(), zone)
    return (monday - -(-days // WEEK.days) * WEEK).astimezone(UTC), monday.astimezone(UTC)


def coarse(one: Counted) -> Counted:
    """The same without what would tell which bus somebody drove: exact ways and times."""
    return replace(one, way_km=COARSE_KM * round(one.way_km / COARSE_KM), moving_h=float(round(one.moving_h)))


def interval(incidents: int, way_km: float) -> tuple[float, float]:
    """Interval of incidents per 100 km: of a Poisson count, by Jeffreys' prior.

    Source: Brown, Cai and DasGupta, Interval estimation in exponential families, Statistica Sinica 13 (2003).
    """
    tail = (1 - LEVEL) / 2
    shape, scale = incidents + _JEFFREYS, PER_KM / way_km
    low = 0.0 if incidents == 0 else scale * float(gammaincinv(shape, tail))
    return low, scale * float(gammaincinv(shape, 1 - tail))


def score_all(counted: Sequence[Counted]) -> list[Score]:
    """Scores by group, then by name: an order within a group would be a rank that the numbers do not bear.

    Groups are told apart only where every interval of one lies below every interval of the next.
    """
    found = [(one, *interval(one.incidents, one.way_km)) for one in counted if one.way_km > 0]
    scores: list[Score] = []
    group, reach = 0, -1.0
    for one, low, high in sorted(found, key=lambda item: item[1]):
        if low > reach:
            group += 1
        reach = max(reach, high)
        scores.append(
            Score(
                name=one.name,
                incidents=one.incidents,
                way_km=one.way_km,
                moving_h=one.moving_h,
                per_100_km=PER_KM * one.incidents / one.way_km,
                low=low,
                high=high,
                group=group,
            )
        )
    return sorted(scores, key=lambda score: (score.group, score.name))
