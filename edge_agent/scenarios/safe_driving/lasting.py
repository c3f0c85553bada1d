"""What is wrong only while it lasts and the bus moves: looking away, a phone in the hand, an open door. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from edge_agent.ego import EgoState
from edge_agent.readings import DoorReading
from edge_agent.scenarios.safe_driving.rules import Event
from wire.messages import DrivingKind, DrivingSensor

MOVING_MPS: Final = 3.0  # who stands, or rolls into a stop, may do all of it
GAP_S: Final = 1.0
DOOR_S: Final = 1.0  # a contact that shakes


class Timed(Protocol):
    """A reading."""

    @property
    def at(self) -> datetime:
        """When."""
        ...


R = TypeVar("R", bound=Timed)


class LastingRule(Generic[R]):
    """Told when it is over, if it began while the bus moved and was long enough."""

    def __init__(
        self,
        kind: DrivingKind,
        *,
        is_so: Callable[[R, EgoState | None], bool],
        least_s: float,
        sensor: DrivingSensor,
    ) -> None:
        self._kind, self._is_so, self._least_s, self._sensor = kind, is_so, least_s, sensor
        self._since: tuple[datetime, EgoState] | None = None
        self._last_at: datetime | None = None

    def take(self, reading: R, ego: EgoState | None) -> Event | None:
        """Take a sample; an event when it is not so any more."""
        last_at, self._last_at = self._last_at, reading.at
        is_gap = last_at is not None and not 0 < (reading.at - last_at).total_seconds() <= GAP_S
        is_so = self._is_so(reading, ego)
        if is_so and not is_gap and self._since is not None:
            return None
        ended = self._end(last_at)
        if is_so and ego is not None and ego.speed_mps >= MOVING_MPS:
            self._since = reading.at, ego
        return ended

    def end(self) -> Event | None:
        """What was going on, if it was long enough."""
        return self._end(self._last_at)

    def _end(self, last_at: datetime | None) -> Event | None:
        since, self._since = self._since, None
        if since is None or last_at is None or (last_at - since[0]).total_seconds() < self._least_s:
            return None
        return event_at(self._kind, since[1], from_at=since[0], to_at=last_at, sensor=self._sensor)


def door_rule() -> LastingRule[DoorReading]:
    """A door that stands open while the bus moves; it is over, too, when the bus stops."""
    return LastingRule(
        DrivingKind.DOOR_OPEN,
        is_so=lambda door, ego: door.is_open and (ego is None or ego.speed_mps >= MOVING_MPS),
        least_s=DOOR_S,
        sensor=DrivingSensor.TERMINAL,  # it is the bus that says so
    )


def event_at(kind: DrivingKind, ego: EgoState, *, from_at: datetime, to_at: datetime, sensor: DrivingSensor) -> Event:
    """An event of no acceleration, where the bus was as it began."""
    return Event(
        kind=kind,
        from_at=from_at,
        to_at=to_at,
        lon=ego.lon,
        lat=ego.lat,
        peak_mps2=0.0,
        speed_mps=ego.speed_mps,
        sensor=sensor,
    )
