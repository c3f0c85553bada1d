"""What a reported event is: something new, or the same as what is known already; and how severe."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

SAME_WITHIN: Final = timedelta(seconds=3)  # two devices of one bus, or two parts of one event
LONGEST: Final = timedelta(hours=24)  # no incident is longer than a shift

_HARSH: Final = {"harsh_braking": 2.8, "harsh_acceleration": 2.5, "harsh_cornering": 2.8}
"""From where on a bus reports, as shipped: a city that reports from lower on has more of the lightest."""
_SEVERE_BY_NATURE: Final = frozenset({"drowsy", "forward_collision", "pedestrian_collision", "driver_abnormal"})
_SERIOUS_BY_NATURE: Final = frozenset({"door_open", "phone", "distracted", "long_driving"})


class Severity(IntEnum):
    """How bad it is."""

    LIGHT = 1
    SERIOUS = 2
    SEVERE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An event as a bus, a terminal or the map tells it."""

    kind: str
    from_at: datetime
    to_at: datetime
    peak_mps2: float
    speed_mps: float
    limit_mps: float | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An incident of the same bus that is known already."""

    kind: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with it: a severity for a new incident, or the known one that goes on with it."""

    severity: Severity
    joins: Known | None = None


def assess(event: Reported, known: Sequence[Known]) -> Verdict:
    """Decide, given what is known of that bus around that time."""
    same = (incident for incident in known if incident.kind == event.kind and _is_same_time(event, incident))
    return Verdict(severity=severity_of(event), joins=next(same, None))


def severity_of(event: Reported) -> Severity:
    """Severity by how far beyond the limit it went, or by its nature."""
    if event.kind in _HARSH:
        return _by_steps(abs(event.peak_mps2) / _HARSH[event.kind], serious=1.25, severe=1.6)
    if event.kind == "speeding" and event.limit_mps:
        # The traffic law of China steps at 20 and 50 percent.
        return _by_steps(event.speed_mps / event.limit_mps, serious=1.2, severe=1.5)
    if event.kind in _SEVERE_BY_NATURE:
        return Severity.SEVERE if event.level != 1 else Severity.SERIOUS
    return Severity.SERIOUS if event.kind in _SERIOUS_BY_NATURE else Severity.LIGHT


def _by_steps(share: float, *, serious: float, severe: float) -> Severity:
    if share >= severe:
        return Severity.SEVERE
    return Severity.SERIOUS if share >= serious else Severity.LIGHT


def _is_same_time(event: Reported, incident: Known) -> bool:
    return event.from_at <= incident.to_at + SAME_WITHIN and incident.from_at <= event.to_at + SAME_WITHIN
