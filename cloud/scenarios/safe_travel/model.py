"""The words of safe travel."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from cloud.findings.geometry import offset_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A person's tag, as a reader heard it."""

    reader: str
    from_at: datetime
    to_at: datetime
    lon: float
    lat: float
    accuracy_m: float
    rssi_dbm: int  # the strongest: orders readers, tells no metres


class Moment(NamedTuple):
    """Where a reader was at an instant, and whether its radio is known to have worked then."""

    at: datetime
    lon: float
    lat: float
    is_listening: bool


Watch = Mapping[str, Sequence[Moment]]
"""Where readers were, each in order of time."""


class Placed(Protocol):
    @property
    def lon(self) -> float: ...

    @property
    def lat(self) -> float: ...


def apart_m(first: Placed, second: Placed) -> float:
    """Metres between two places that are not far apart."""
    return math.hypot(*offset_m(lon=first.lon, lat=first.lat, origin_lon=second.lon, origin_lat=second.lat))


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A place with its surroundings."""

    lon: float
    lat: float
    radius_m: float

    def outside_m(self, place: Placed) -> float:
        """How far outside a place lies; negative inside."""
        return apart_m(place, self) - self.radius_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A place with a name, where people board and leave."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A journey that was agreed, on one day."""

    id: UUID
    destination: Circle
    leave_at: datetime
    arrive_by: datetime
    agreed_from: datetime | None = None  # and somebody can be heard; none: ever since
    agreed_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What was agreed with the guardian: where the person is by themselves, and when they are out."""

    area: Circle | None = None
    area_since: datetime | None = None  # none: ever since
    hours: tuple[time, time] | None = None  # of the county's clock
    hours_since: datetime | None = None

    def is_of_before(self, event: "Event") -> bool:
        """Whether an event was concluded by what was agreed before."""
        match event.kind:
            case EventKind.LEFT_AREA:
                return not _has_begun(self.area_since, event.at)
            case EventKind.UNUSUAL_HOUR:
                return not _has_begun(self.hours_since, event.at)
            case _:
                return False

    def in_area_time(self, heard: Heard) -> bool:
        """Whether the area was agreed when somebody was heard."""
        return _has_begun(self.area_since, heard.from_at)

    def in_hours_time(self, heard: Heard) -> bool:
        """The same of the hours."""
        return _has_begun(self.hours_since, heard.from_at)


class EventKind(StrEnum):
    """What a guardian is told."""

    BOARDED = "boarded"
    LEFT_BUS = "left_bus"
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"
    ARRIVAL_UNKNOWN = "arrival_unknown"
    LEFT_AREA = "left_area"
    UNUSUAL_HOUR = "unusual_hour"


ALARMS = frozenset({EventKind.NOT_ARRIVED, EventKind.LEFT_AREA, EventKind.UNUSUAL_HOUR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is concluded; `seen` is the last place where the tag was heard, if it was."""

    kind: EventKind
    at: datetime
    seen: Heard | None = None
    journey: UUID | None = None
    stop: str | None = None


def _has_begun(since: datetime | None, at: datetime) -> bool:
    return since is None or at >= since
