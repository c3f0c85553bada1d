"""What of a bus's motion is an event. Each rule takes samples in the order of their time and knows nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from edge_agent.scenarios.safe_driving.motion import Sample
from wire.messages import DrivingKind, DrivingSensor

LEAVE_SHARE: Final = 0.7  # an event goes on until it is clearly over
CALM_S: Final = 1.0  # braking that is let go for a moment is one event
MOVING_MPS: Final = 1.0  # a door or a kerb shakes a standing bus
STANDING_MPS: Final = 0.5
GAP_SHARE: Final = 1.8  # of a sample's own time: more is a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at the wheel."""

    kind: DrivingKind
    from_at: datetime
    to_at: datetime
    lon: float  # where it was worst
    lat: float
    peak_mps2: float  # signed, along the axis that it is about
    speed_mps: float  # as it began
    sensor: DrivingSensor


class HarshRule:
    """Acceleration along one axis beyond a limit, for long enough."""

    def __init__(
        self,
        kind: DrivingKind,
        *,
        of: Callable[[Sample], float],
        limit_mps2: float,
        min_s: float,
        is_moving_needed: bool,
    ) -> None:
        """Watch one kind: `of` says how harsh a sample is, positive in the direction that counts."""
        self._kind, self._of = kind, of
        self._limit_mps2, self._min_s, self._is_moving_needed = limit_mps2, min_s, is_moving_needed
        self._event: Event | None = None
        self._peak_mps2 = 0.0
        self._last: Sample | None = None

    def take(self, sample: Sample) -> Event | None:
        """Take a sample; an event when one is over."""
        ended = self.end() if self._last is not None and is_gap(self._last, sample) else None
        self._last = sample
        value = self._of(sample)
        if self._event is None:
            if value >= self._limit_mps2 and (sample.speed_mps >= MOVING_MPS or not self._is_moving_needed):
                self._event, self._peak_mps2 = self._begun(sample), value
        elif value >= LEAVE_SHARE * self._limit_mps2:
            self._event = self._gone_on(self._event, sample, value)
        elif (sample.at - self._event.to_at).total_seconds() >= CALM_S:
            ended = self.end()
        return ended

    def end(self) -> Event | None:
        """What was going on, if it was long enough."""
        event, self._event = self._event, None
        return event if event is not None and (event.to_at - event.from_at).total_seconds() >= self._min_s else None

    def _begun(self, sample: Sample) -> Event:
        return Event(
            kind=self._kind,
            from_at=sample.at - timedelta(seconds=sample.over_s),
            to_at=sample.at,
            lon=sample.lon,
            lat=sample.lat,
            peak_mps2=_axis(self._kind, sample),
            speed_mps=sample.speed_mps,
            sensor=sample.sensor,
        )

    def _gone_on(self, event: Event, sample: Sample, value: float) -> Event:
        if value <= self._peak_mps2:
            return replace(event, to_at=sample.at)
        self._peak_mps2 = value
        return replace(event, to_at=sample.at, lon=sample.lon, lat=sample.lat, peak_mps2=_axis(self._kind, sample))


def is_gap(before: Sample, after: Sample) -> bool:
    """Whether something is missing between two samples, or somebody else began to speak."""
    passed_s = (after.at - before.at).total_seconds()
    return before.sensor is not after.sensor or not 0 < passed_s <= GAP_SHARE * max(before.over_s, after.over_s)


def _axis(kind: DrivingKind, sample: Sample) -> float:
    return sample.right_mps2 if kind is DrivingKind.HARSH_CORNERING else sample.forward_mps2


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabout:
    """A fix, as far as standing and driving need it."""

    at: datetime
    lon: float
    lat: float
    speed_mps: float


class IdlingRule:
    """Standing for long with the power on; whether the engine runs is not known."""

    GAP_S: Final = 60.0  # over less, a standing bus stood

    def __init__(self, *, idling_s: float) -> None:
        self._idling_s = idling_s
        self._first: Whereabout | None = None
        self._last: Whereabout | None = None

    def take(self, fix: Whereabout) -> Event | None:
        """Take a fix; an event when the bus drives on after a long stand."""
        is_gap = self._last is not None and not 0 <= (fix.at - self._last.at).total_seconds() <= self.GAP_S
        ended = self.end() if is_gap or fix.speed_mps >= STANDING_MPS else None
        if fix.speed_mps < STANDING_MPS:
            self._first, self._last = self._first or fix, fix
        return ended

    def end(self) -> Event | None:
        """What was going on, if it was long enough."""
        first, last = self._first, self._last
        self._first = self._last = None
        if first is None or last is None or (last.at - first.at).total_seconds() < self._idling_s:
            return None
        return over_time(DrivingKind.IDLING, first.at, last)


def over_time(kind: DrivingKind, since: datetime, last: Whereabout) -> Event:
    """An event that a time makes, not a moment; it is placed where it was noticed."""
    return Event(
        kind=kind,
        from_at=since,
        to_at=last.at,
        lon=last.lon,
        lat=last.lat,
        peak_mps2=0.0,
        speed_mps=0.0 if kind is DrivingKind.IDLING else last.speed_mps,
        sensor=DrivingSensor.GNSS,
    )
