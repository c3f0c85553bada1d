"""What a terminal reports, as the messages of our own agent. Pure, but for what it remembers of one terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cloud.bridges.jt808.alarms import AHEAD, DRIVER, Alarm, read_alarm
from cloud.bridges.jt808.body import Item, Location
from cloud.bridges.publish import Said
from cloud.errors import FrameError
from wire.envelope import make_id_of
from wire.messages import Driving, DrivingKind, DrivingSensor, Fix, Track, TrackPoint

ACCURACY_M: Final = 10.0  # no terminal says how sure it is: a plain receiver between houses
DOOR_MPS: Final = 3.0  # a door that is open while the bus rolls into a stop is none of these
MOST_OPEN: Final = 32  # alarms that have begun and not ended
# Items that every vendor sends and that say nothing of what is looked for here: mileage, fuel, recorder's speed, input
# and output, network, satellites and the like.
COMMON_ITEMS: Final = frozenset({*range(0x01, 0x07), *range(0x11, 0x15), 0x25, 0x2A, 0x2B, 0x30, 0x31})
_LASTING: Final = {1 << 1: DrivingKind.SPEEDING, 1 << 2: DrivingKind.LONG_DRIVING}
"""Bits of a position's alarms that stay while they last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What is kept as it came, and why."""

    why: str
    content: bytes


@dataclass(slots=True, kw_only=True)
class Meaning:
    """What a report means."""

    said: list[Said] = field(default_factory=list[Said])
    raw: list[Raw] = field(default_factory=list[Raw])
    alarms: list[Alarm] = field(default_factory=list[Alarm])  # that have attachments


class Translator:
    """Reads the reports of one terminal."""

    def __init__(self, phone: str) -> None:
        self._phone = phone.encode()
        self._lasting: frozenset[DrivingKind] = frozenset()
        self._begun: dict[int, datetime] = {}

    def read(self, location: Location, body: bytes, *, is_late: bool) -> Meaning:
        """Read a report. Of a late one only what stands by itself counts, not what has begun or gone on."""
        meaning = Meaning()
        if location.is_encrypted:
            meaning.raw.append(Raw(why="encrypted position", content=body))
            return meaning
        alarms = {item: _alarm(item) for item in location.items if item.id in {AHEAD, DRIVER}}
        meaning.raw += _strange(location, body, alarms)
        if not location.is_positioned:
            if any(alarm is not None and alarm.kind is not None for alarm in alarms.values()):
                meaning.raw.append(Raw(why="alarm without a position", content=body))
            return meaning
        meaning.said.append(self._said(location, self._track(location), about=b""))
        if not is_late:
            meaning.said += [self._said(location, event, about=event.kind.encode()) for event in self._new(location)]
        for item, alarm in alarms.items():
            if alarm is not None and alarm.kind is not None:
                meaning.said.append(self._said(location, self._driving(alarm, alarm.kind, location), about=item.value))
                meaning.alarms += [alarm] if alarm.files and not alarm.is_end else []
        return meaning

    def _said(self, location: Location, message: Track | Driving, *, about: bytes) -> Said:
        """The id follows from the terminal and what it said: sent again, or late in a batch, it is the same."""
        at = location.at if isinstance(message, Track) else message.to_at
        return Said(id=make_id_of(at, seed=self._phone + b"|" + location.raw + b"|" + about), at=at, message=message)

    @staticmethod
    def _track(location: Location) -> Track:
        point = TrackPoint(
            at=location.at,
            lon=location.lon,
            lat=location.lat,
            accuracy_m=ACCURACY_M,
            fix=Fix.GNSS,
            speed_mps=min(location.speed_mps, 150.0),
            heading_deg=location.heading_deg,
        )
        return Track(points=(point,))

    def _new(self, location: Location) -> Iterator[Driving]:
        """Events that begin with this report."""
        now = {kind for bit, kind in _LASTING.items() if location.alarms & bit}
        if location.has_open_door and location.speed_mps > DOOR_MPS:
            now.add(DrivingKind.DOOR_OPEN)
        begun, self._lasting = now - self._lasting, frozenset(now)
        for kind in sorted(begun):
            yield _event(kind, location, from_at=location.at, to_at=location.at, speed_mps=location.speed_mps)

    def _driving(self, alarm: Alarm, kind: DrivingKind, location: Location) -> Driving:
        from_at = self._begun.pop(alarm.number, alarm.at) if alarm.is_end else alarm.at
        if not alarm.is_end:
            self._begun[alarm.number] = alarm.at
            if len(self._begun) > MOST_OPEN:
                del self._begun[next(iter(self._begun))]
        return _event(
            kind,
            location,
            from_at=min(from_at, alarm.at),
            to_at=alarm.at,
            speed_mps=alarm.speed_mps,
            limit_mps=alarm.limit_mps,
            level=alarm.level,
        )


def _event(
    kind: DrivingKind,
    location: Location,
    *,
    from_at: datetime,
    to_at: datetime,
    speed_mps: float,
    limit_mps: float | None = None,
    level: int | None = None,
) -> Driving:
    return Driving(
        kind=kind,
        from_at=from_at,
        to_at=to_at,
        lon=location.lon,
        lat=location.lat,
        peak_mps2=0.0,
        speed_mps=min(speed_mps, 150.0),
        window=(),
        sensor=DrivingSensor.TERMINAL,
        limit_mps=limit_mps,
        level=level,
    )


def _alarm(item: Item) -> Alarm | None:
    try:
        return read_alarm(item)
    except FrameError:  # its time is none
        return None


def _strange(location: Location, body: bytes, alarms: Mapping[Item, Alarm | None]) -> Iterator[Raw]:
    """What of a report is not understood: the whole report is kept, once for each reason."""
    for item in location.items:
        if item in alarms:
            if alarms[item] is None:
                yield Raw(why=f"item {item.id:#04x} of {len(item.value)} bytes", content=body)
        elif item.id not in COMMON_ITEMS:
            yield Raw(why=f"item {item.id:#04x}", content=body)
    if location.rest:
        yield Raw(why="items that are cut off", content=body)
