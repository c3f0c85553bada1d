"""Looks at who drove which bus when, and where: the only way to put a track and a name together. Drivers read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from cloud.cases.chain import DRIVERS
from cloud.cases.model import Details
from cloud.db.value import fetch_value
from cloud.driving.record import lock_record, lock_shifts
from cloud.errors import LookError
from cloud.looks.door import LookDoor, LookTable
from cloud.looks.rules import Look, require_box
from cloud.people.model import Role
from wire.envelope import make_id

LONGEST_MIN: Final = 60
LONGEST_SPAN: Final = timedelta(days=7)
_SENT_LATER: Final = timedelta(minutes=10)  # a message is made after its points

_SHIFTS: Final = """
FROM driver_shifts s WHERE s.city = %(city)s AND s.from_at < %(to_at)s AND s.to_at > %(from_at)s
    AND (s.driver = %(driver)s OR s.device = %(device)s)
"""
_DRIVERS: Final = "SELECT DISTINCT s.driver " + _SHIFTS + " ORDER BY s.driver"
_DRIVEN: Final = (
    """
SELECT s.id, s.driver, s.device, greatest(s.from_at, %(from_at)s) AS from_at, least(s.to_at, %(to_at)s) AS to_at,
    s.noted_by """
    + _SHIFTS
    + "ORDER BY s.from_at, s.id LIMIT 200"
)
_TRACK: Final = """
SELECT DISTINCT ON (date_bin('30 seconds', at, %(from_at)s)) at, lon, lat, speed_mps FROM track_points
WHERE city = %(city)s AND device = %(device)s AND id_at >= %(from_at)s AND id_at < %(sent_at)s
    AND at >= %(from_at)s AND at < %(to_at)s AND fix <> 'none' AND clock_mark IS NULL
ORDER BY date_bin('30 seconds', at, %(from_at)s), at LIMIT 5000
"""
_IS_PERSON: Final = "SELECT EXISTS (SELECT FROM people WHERE name = %s)"


class Ground(StrEnum):
    """For what one may look."""

    ACCIDENT = "accident"
    COMPLAINT = "complaint"
    COACHING = "coaching"
    """An incident was reviewed, and its driver has to be spoken with."""
    OBJECTION = "objection"
    WORKING_TIME = "working_time"
    SHIFT = "shift"
    """A shift was noted wrongly."""
    AUTHORITY = "authority"
    """The law obliges to it; the words say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverLook(Look):
    """A look at a driver, or at who drove a bus, from one time to another."""

    kind: Ground
    city: str
    driver: str | None
    device: str | None
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LookWish:
    """What somebody wants to look at, why, and for how long."""

    city: str
    driver: str | None
    device: str | None
    from_at: datetime
    to_at: datetime
    kind: Ground
    purpose: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPoint:
    at: datetime
    lon: float
    lat: float
    speed_mps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """A shift, as far as it lies in the time that is looked at."""

    id: UUID
    driver: str
    device: str
    from_at: datetime
    to_at: datetime
    noted_by: str


DRIVER_LOOKS: Final = LookTable(
    look=DriverLook,
    table="driver_looks",
    own=("city", "driver", "device", "from_at", "to_at"),
    desk=Role.SAFETY,
    chain=DRIVERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks(LookDoor[DriverLook]):
    """What somebody does with looks at one time, within the caller's transaction."""

    @property
    def kept(self) -> LookTable[DriverLook]:
        return DRIVER_LOOKS

    def ask(self, wish: LookWish) -> UUID:
        """Ask for a look.

        Raises:
            LookError: it is at nobody, too long, or over too long a time.
        """
        require_box(minutes=wish.minutes, longest_min=LONGEST_MIN)
        values = {name: getattr(wish, name) for name in LookWish.__slots__}
        return self.put(DriverLook(id=UUID(make_id(self.at)), asked_at=self.at, asked_by=self.actor.name, **values))

    def require_grounds(self, look: DriverLook) -> None:
        if (look.driver is None) is (look.device is None):
            raise LookError("a driver or a bus is looked at, one of them")
        if not timedelta() < look.to_at - look.from_at <= LONGEST_SPAN:
            raise LookError(f"at most {LONGEST_SPAN.days} days are looked at")
        if look.driver is not None and not self._is_person(look.driver):
            raise LookError(f"there is no account {look.driver}")

    def require_part(self, look: DriverLook) -> None:
        """All of the desk have part in it: what each of them sees is written down."""

    def chains_of(self, look: DriverLook) -> Sequence[UUID]:
        """The driver's, or those of all who drove the bus in that time, as far as it is noted by now.

        Nothing more is noted until what is looked at has been read: whoever is seen reads it.
        """
        lock_shifts(self.connection)
        names = self._drivers(look) if look.driver is None else [look.driver]
        return [lock_record(self.connection, name) for name in names]

    def told(self, look: DriverLook) -> Details:
        return {"from_at": look.from_at.isoformat(), "to_at": look.to_at.isoformat()}

    def _drivers(self, look: DriverLook) -> list[str]:
        return [name for (name,) in self.connection.execute(_DRIVERS, _values(look)).fetchall()]

    def _is_person(self, name: str) -> bool:
        return fetch_value(self.connection, _IS_PERSON, (name,))


def read_driven(connection: Connection[Any], look: DriverLook) -> list[Driven]:
    """The shifts that a look shows; it has been opened and written down before."""
    with connection.cursor(row_factory=class_row(Driven)) as cursor:
        return cursor.execute(_DRIVEN, _values(look)).fetchall()


def read_track(connection: Connection[Any], look: DriverLook, driven: Driven) -> list[TrackPoint]:
    """Where the bus was in a shift that a look shows, at most every half minute."""
    values = {
        "city": look.city,
        "device": driven.device,
        "from_at": driven.from_at,
        "to_at": driven.to_at,
        "sent_at": driven.to_at + _SENT_LATER,
    }
    with connection.cursor(row_factory=class_row(TrackPoint)) as cursor:
        return cursor.execute(_TRACK, values).fetchall()


def _values(look: DriverLook) -> dict[str, Any]:
    return {name: getattr(look, name) for name in DRIVER_LOOKS.own}
