"""Which faults there are, and the order in which a seed draws them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """What a fault breaks; one part has one fault at a time."""

    BUSES = "buses"
    BUS_DISK = "bus_disk"
    BROKER = "broker"
    INGEST = "ingest"
    WORK = "work"
    SERVE = "serve"
    DATABASE = "database"
    BUS_LINK = "bus_link"  # between buses and broker
    INGEST_LINK = "ingest_link"  # between broker and ingest
    DATABASE_LINK = "database_link"  # between the cloud's processes and the database
    RECEIVER_LINK = "receiver_link"  # between the worker and who is told by webhook


class Way(StrEnum):
    """How a part is broken."""

    KILL = "kill -9"
    RESTART = "restart in order"
    STOP = "stopped and continued"
    LOSE_STORE = "kill -9, store lost"
    SECOND = "a second one beside it, killed"
    CUT = "cut"
    STALL = "half-open"
    SLOW = "slow"
    DISORDER = "doubled and disordered"
    SESSIONS = "all sessions ended"
    CLOCK = "kill -9, then a wrong clock"
    FULL = "disk full"
    TORN = "kill -9, a page torn"
    POISON = "poison messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault: how often it is drawn, and how long it lasts."""

    part: Part
    way: Way
    weight: int
    seconds: tuple[float, float] = (0.0, 0.0)

    @property
    def name(self) -> str:
        return f"{self.part.replace('_', ' ')}: {self.way}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a plan."""

    number: int
    kind: Kind
    seconds: float
    pause_s: float  # after the one before it


_SHORT: Final = (0.3, 3.0)
_OUTAGE: Final = (0.5, 6.0)

KINDS: Final = (
    Kind(part=Part.BUSES, way=Way.KILL, weight=2),
    Kind(part=Part.BUSES, way=Way.CLOCK, weight=3),
    Kind(part=Part.BUS_DISK, way=Way.FULL, weight=4, seconds=_OUTAGE),
    Kind(part=Part.BUS_DISK, way=Way.TORN, weight=3),
    Kind(part=Part.BROKER, way=Way.KILL, weight=5),
    Kind(part=Part.BROKER, way=Way.LOSE_STORE, weight=3),
    Kind(part=Part.BROKER, way=Way.STOP, weight=4, seconds=_SHORT),
    Kind(part=Part.INGEST, way=Way.KILL, weight=10),
    Kind(part=Part.INGEST, way=Way.STOP, weight=4, seconds=_SHORT),
    Kind(part=Part.INGEST, way=Way.SECOND, weight=2, seconds=(2.0, 6.0)),
    Kind(part=Part.WORK, way=Way.KILL, weight=8),
    Kind(part=Part.WORK, way=Way.STOP, weight=4, seconds=_SHORT),
    Kind(part=Part.WORK, way=Way.SECOND, weight=2, seconds=(2.0, 6.0)),
    Kind(part=Part.SERVE, way=Way.KILL, weight=3),
    Kind(part=Part.SERVE, way=Way.STOP, weight=2, seconds=_SHORT),
    Kind(part=Part.DATABASE, way=Way.KILL, weight=5),
    Kind(part=Part.DATABASE, way=Way.RESTART, weight=4),
    Kind(part=Part.DATABASE, way=Way.STOP, weight=4, seconds=_SHORT),
    Kind(part=Part.DATABASE, way=Way.SESSIONS, weight=6),
    Kind(part=Part.DATABASE, way=Way.FULL, weight=4, seconds=_SHORT),
    Kind(part=Part.BUS_LINK, way=Way.CUT, weight=6, seconds=_OUTAGE),
    Kind(part=Part.BUS_LINK, way=Way.STALL, weight=5, seconds=_OUTAGE),
    Kind(part=Part.BUS_LINK, way=Way.SLOW, weight=4, seconds=_OUTAGE),
    Kind(part=Part.BUS_LINK, way=Way.DISORDER, weight=6, seconds=_OUTAGE),
    Kind(part=Part.INGEST_LINK, way=Way.CUT, weight=5, seconds=_OUTAGE),
    Kind(part=Part.INGEST_LINK, way=Way.STALL, weight=4, seconds=_OUTAGE),
    Kind(part=Part.DATABASE_LINK, way=Way.CUT, weight=5, seconds=_OUTAGE),
    Kind(part=Part.DATABASE_LINK, way=Way.STALL, weight=4, seconds=_OUTAGE),
    Kind(part=Part.DATABASE_LINK, way=Way.SLOW, weight=4, seconds=_OUTAGE),
    Kind(part=Part.RECEIVER_LINK, way=Way.CUT, weight=4, seconds=_OUTAGE),
    Kind(part=Part.RECEIVER_LINK, way=Way.STALL, weight=3, seconds=_OUTAGE),
    Kind(part=Part.BROKER, way=Way.POISON, weight=6),
)


def draw(count: int, *, seed: int, longest_pause_s: float) -> Sequence[Fault]:
    """Draw faults; the same seed always gives the same ones. Each kind comes once before any comes twice."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not secret
    kinds = chance.sample(KINDS, k=len(KINDS))
    kinds += chance.choices(KINDS, weights=[kind.weight for kind in KINDS], k=max(0, count - len(kinds)))
    return [
        Fault(
            number=number,
            kind=kind,
            seconds=chance.uniform(*kind.seconds),
            pause_s=chance.uniform(0.0, longest_pause_s),
        )
        for number, kind in enumerate(kinds[:count], start=1)
    ]
