"""What time it is for a tag: within which bounds its counter lies, and how long its battery lasts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

DRIFT: Final = 150e-6  # Eddystone-EID, "EID Computation": maximum error of a tag's counter
READER_S: Final = 3.0  # a reader's clock may be off by this much
LOST_S: Final = 86_400.0  # a tag writes its counter down once a day; a new battery may set it back by that


@dataclass(frozen=True, slots=True, kw_only=True)
class TagClock:
    """At `known_at` the tag's counter was ahead of the seconds since 1970 by something between the bounds."""

    low_s: float
    high_s: float
    known_at: datetime

    @classmethod
    def set_at(cls, at: datetime, *, counter_s: int) -> "TagClock":
        """A tag whose counter was just read."""
        offset_s = counter_s - at.timestamp()
        return cls(low_s=offset_s - READER_S, high_s=offset_s + 1 + READER_S, known_at=at)

    @property
    def offset_s(self) -> float:
        """The middle of the bounds."""
        return (self.low_s + self.high_s) / 2

    def bounds_s(self, at: datetime) -> tuple[float, float]:
        """Bounds at another time: both ways a counter may have drifted."""
        drift_s = DRIFT * abs((at - self.known_at).total_seconds())
        return self.low_s - drift_s, self.high_s + drift_s

    def steps(self, *, exponent: int, from_at: datetime, to_at: datetime) -> range:
        """Periods of which the tag may send the id in this time.

        A tag takes a new id at a random instant within its period, so that of the period before may still be sent.
        """
        low_s = min(self.bounds_s(from_at)[0], self.bounds_s(to_at)[0]) + from_at.timestamp()
        high_s = max(self.bounds_s(from_at)[1], self.bounds_s(to_at)[1]) + to_at.timestamp()
        return range(max(int(low_s) >> exponent, 1) - 1, (max(int(high_s), 0) >> exponent) + 1)

    def narrowed(self, *, exponent: int, step: int, at: datetime) -> "TagClock":
        """The same after the id of a period was heard; one that cannot be says nothing."""
        period_s = 1 << exponent
        latest = max(at, self.known_at)
        drift_s = DRIFT * (latest - at).total_seconds() + READER_S
        low_s, high_s = self.bounds_s(latest)
        first_s = max(low_s, step * period_s - at.timestamp() - drift_s)
        last_s = min(high_s, (step + 2) * period_s - at.timestamp() + drift_s)
        return TagClock(low_s=first_s, high_s=last_s, known_at=latest) if first_s <= last_s else self

    def after_new_battery(self, at: datetime) -> "TagClock":
        """The same when the tag may have lost up to a day of its count."""
        low_s, high_s = self.bounds_s(at)
        return replace(self, low_s=low_s - LOST_S, high_s=high_s, known_at=at)


def drift_ppm(first: TagClock, now: TagClock) -> tuple[float, float] | None:
    """How fast the counter runs against the time, in millionths, within bounds; none when too little is known."""
    passed_s = (now.known_at - first.known_at).total_seconds()
    if passed_s <= 0:
        return None
    low = (now.low_s - first.high_s) / passed_s * 1e6
    high = (now.high_s - first.low_s) / passed_s * 1e6
    limit = DRIFT * 1e6
    return (low, high) if high - low < 2 * limit else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A battery and how long the maker says that it lasts."""

    changed_at: datetime
    rated_days: float

    def left(self, at: datetime) -> float:
        """Estimate of what is left, 0..1; a worn tag says nothing about its battery."""
        used = (at - self.changed_at) / timedelta(days=self.rated_days)
        return max(0.0, min(1.0, 1.0 - used))
