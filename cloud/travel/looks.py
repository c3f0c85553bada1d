"""Looks at somebody's whereabouts: a purpose, two persons, a time box, and a line for each that guardians read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from cloud.errors import LookError, TravellerNotFoundError
from cloud.people.model import Actor, Role
from cloud.travel.history import Deed, append
from cloud.travel.people import has_consent
from wire.envelope import make_id

LookKind = Literal["history", "search"]
ASKED_FOR: Final = timedelta(hours=1)  # nobody approves what was asked long ago
ONE_LOOK: Final = timedelta(minutes=5)  # a page that follows what comes is one look
LONGEST_MIN: Final = {"history": 60, "search": 1440}

_COLUMNS: Final = """
SELECT id, traveller, kind, purpose, minutes, asked_at, asked_by, approved_at, approved_by, until_at, closed_at,
    closed_by, outcome FROM travel_looks
"""
_INSERT: Final = """
INSERT INTO travel_looks (id, traveller, kind, purpose, minutes, asked_at, asked_by)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_LOCK: Final = _COLUMNS + "WHERE id = %s FOR UPDATE"
_OF_PERSON: Final = _COLUMNS + "WHERE traveller = %s ORDER BY asked_at DESC, id DESC LIMIT 200"
_OPEN: Final = _COLUMNS + "WHERE closed_at IS NULL ORDER BY asked_at DESC, id DESC LIMIT 200"
_APPROVE: Final = "UPDATE travel_looks SET approved_at = %s, approved_by = %s, until_at = %s WHERE id = %s"
_CLOSE: Final = "UPDATE travel_looks SET closed_at = %s, closed_by = %s, outcome = %s WHERE id = %s"
_OVER: Final = (
    _COLUMNS
    + """
WHERE closed_at IS NULL AND (until_at <= %s OR approved_at IS NULL AND asked_at <= %s)
ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED
"""
)
_LOOKED: Final = """
SELECT FROM travel_history WHERE traveller = %s AND actor = %s AND action = 'look' AND details->>'look' = %s AND at > %s
"""
_IS_WARD: Final = "SELECT EXISTS (SELECT FROM travel_guardians WHERE traveller = %s AND person = %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look as it was asked for, and what became of it."""

    id: UUID
    traveller: UUID
    kind: LookKind
    purpose: str
    minutes: int
    asked_at: datetime
    asked_by: str
    approved_at: datetime | None
    approved_by: str | None
    until_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None

    def state(self, at: datetime) -> Literal["asked", "open", "closed"]:
        """Whether one may look; time ends it without anybody's doing."""
        if self.closed_at is not None or (self.until_at is not None and self.until_at <= at):
            return "closed"
        if self.until_at is None:
            return "asked" if at - self.asked_at < ASKED_FOR else "closed"
        return "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What somebody does with looks at one time, within the caller's transaction."""

    connection: Connection[Any]
    at: datetime
    actor: Actor

    def ask(self, traveller: UUID, *, kind: LookKind, purpose: str, minutes: int) -> UUID:
        """Ask for a look.

        Raises:
            LookError: there is no consent to it, or it is too long.
        """
        if minutes > LONGEST_MIN[kind]:
            raise LookError(f"at most {LONGEST_MIN[kind]} minutes are given for this")
        cover = "search" if kind == "search" else "journeys"
        if not has_consent(self.connection, traveller, cover, at=self.at):
            raise LookError("there is no consent to this")
        number = UUID(make_id(self.at))
        values = (number, traveller, kind, purpose, minutes, self.at, self.actor.name)
        self.connection.execute(_INSERT, values)
        self._note(self.find(number), Deed.ASK_TO_LOOK, minutes=minutes)
        return number

    def approve(self, number: UUID) -> None:
        """Approve what another person asked for; the time begins.

        Raises:
            LookError: it was asked by the same person, or cannot be approved any more.
        """
        look = self.find(number)
        self._require_care()
        if look.state(self.at) != "asked":
            raise LookError("this look does not wait for an approval")
        if look.asked_by == self.actor.name:
            raise LookError("another person than the one who asks has to approve it")
        until = self.at + timedelta(minutes=look.minutes)
        self.connection.execute(_APPROVE, (self.at, self.actor.name, until, number))
        self._note(look, Deed.APPROVE_LOOK, minutes=look.minutes)

    def close(self, number: UUID, *, outcome: str) -> None:
        """End a look, or refuse one that was asked for.

        Raises:
            LookError: it is over already.
        """
        look = self.find(number)
        self._require_part_in(look)
        if look.closed_at is not None:
            raise LookError("this look is over")
        deed = Deed.CLOSE_LOOK if look.approved_at is not None else Deed.REFUSE_LOOK
        self._close(look, deed, outcome=outcome)

    def look(self, number: UUID) -> Look:
        """Look, if it is open; it is written down, once for some minutes of looking on.

        Raises:
            LookError: it is not open.
        """
        look = self.find(number)
        self._require_part_in(look)
        if look.state(self.at) != "open":
            raise LookError("this look is not open: it waits for a second person, or is over")
        if not has_consent(
            self.connection, look.traveller, "journeys" if look.kind == "history" else "search", at=self.at
        ):
            raise LookError("the consent has ended")
        if (
            self.connection.execute(
                _LOOKED, (look.traveller, self.actor.name, str(number), self.at - ONE_LOOK)
            ).rowcount
            == 0
        ):
            self._note(look, Deed.LOOK)
        return look

    def find(self, number: UUID) -> Look:
        """One look, locked.

        Raises:
            TravellerNotFoundError: there is none.
        """
        with self.connection.cursor(row_factory=class_row(Look)) as cursor:
            found = cursor.execute(_LOCK, (number,)).fetchone()
        if found is None:
            raise TravellerNotFoundError(f"there is no look {number}")
        return found

    def end_those_over(self) -> int:
        """Close what time has ended; returns how many."""
        with self.connection.cursor(row_factory=class_row(Look)) as cursor:
            over = cursor.execute(_OVER, (self.at, self.at - ASKED_FOR)).fetchall()
        for look in over:
            deed = Deed.CLOSE_LOOK if look.approved_at is not None else Deed.REFUSE_LOOK
            self._close(look, deed, outcome="")
        return len(over)

    def _close(self, look: Look, deed: Deed, *, outcome: str) -> None:
        self.connection.execute(_CLOSE, (self.at, self.actor.name, outcome, look.id))
        self._note(look, deed, outcome=outcome)

    def _require_care(self) -> None:
        if self.actor.role is not Role.CARE:
            raise LookError("somebody of the care desk has to approve it")

    def _require_part_in(self, look: Look) -> None:
        """A guardian has part in looks at those in their care, and only there."""
        if self.actor.role is Role.GUARDIAN and not is_guardian(self.connection, look.traveller, self.actor.name):
            raise TravellerNotFoundError(f"there is no look {look.id}")

    def _note(self, look: Look, deed: Deed, **details: str | int) -> None:
        append(
            self.connection,
            look.traveller,
            deed,
            at=self.at,
            actor=self.actor.name,
            purpose=look.purpose,
            details={"look": str(look.id), "kind": look.kind, **details},
        )


def is_guardian(connection: Connection[Any], traveller: UUID, person: str) -> bool:
    """Whether somebody is in this person's care."""
    row = connection.execute(_IS_WARD, (traveller, person)).fetchone()
    return row is not None and bool(row[0])


def looks_of(connection: Connection[Any], traveller: UUID) -> list[Look]:
    """The looks at somebody, newest first."""
    with connection.cursor(row_factory=class_row(Look)) as cursor:
        return cursor.execute(_OF_PERSON, (traveller,)).fetchall()


def open_looks(connection: Connection[Any]) -> list[Look]:
    """All that nobody has closed, newest first."""
    with connection.cursor(row_factory=class_row(Look)) as cursor:
        return cursor.execute(_OPEN).fetchall()
