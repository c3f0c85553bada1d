"""The only door to somebody's whereabouts: each step is written where those looked at, or theirs, read it."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, LiteralString, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from cloud.cases.chain import Chain, Deed
from cloud.cases.model import Details, Reason
from cloud.errors import LookError, LookNotFoundError
from cloud.looks.rules import ASKED_FOR, ONE_LOOK, Look, LookDeed, end_when_approved, how_it_ends, require_open
from cloud.people.model import Actor, Role

L = TypeVar("L", bound=Look)

_COLUMNS: Final = """
SELECT id, kind, purpose, minutes, asked_at, asked_by, approved_at, approved_by, until_at, closed_at, closed_by,
    outcome, {own} FROM {table}
"""
_INSERT: Final = """
INSERT INTO {table} (id, kind, purpose, minutes, asked_at, asked_by, {own})
VALUES (%(id)s, %(kind)s, %(purpose)s, %(minutes)s, %(asked_at)s, %(asked_by)s, {values})
"""
_ONE: Final = _COLUMNS + "WHERE id = %s"
_LOCK: Final = _ONE + " FOR UPDATE"
_OPEN: Final = _COLUMNS + "WHERE closed_at IS NULL ORDER BY asked_at DESC, id DESC LIMIT 200"
_APPROVE: Final = "UPDATE {table} SET approved_at = %s, approved_by = %s, until_at = %s WHERE id = %s"
_CLOSE: Final = "UPDATE {table} SET closed_at = %s, closed_by = %s, outcome = %s WHERE id = %s"
_OVER: Final = (
    _COLUMNS
    + """
WHERE closed_at IS NULL AND (until_at <= %s OR approved_at IS NULL AND asked_at <= %s)
ORDER BY id LIMIT 20
"""
)
_LOOKED: Final = """
SELECT FROM {table} WHERE {subject} = %s AND actor = %s AND action = 'look' AND details->>'look' = %s AND at > %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookTable(Generic[L]):
    """Where looks of one kind are kept, whose desk approves them, and in which chains they are told."""

    look: type[L]
    table: LiteralString
    own: tuple[LiteralString, ...]
    """Columns that tell at whom, which only these looks have."""
    desk: Role
    chain: Chain

    def of(self, statement: LiteralString) -> LiteralString:
        """A statement about this table."""
        values = ", ".join("%(" + name + ")s" for name in self.own)
        return statement.format(table=self.table, own=", ".join(self.own), values=values)

    def read(self, connection: Connection[Any], condition: LiteralString, *values: object) -> list[L]:
        """Looks that meet a condition."""
        return self._fetch(connection, _COLUMNS + condition, *values)

    def open(self, connection: Connection[Any]) -> list[L]:
        """All that nobody has closed, newest first."""
        return self._fetch(connection, _OPEN)

    def find(self, connection: Connection[Any], number: UUID) -> L:
        """One look.

        Raises:
            LookNotFoundError: there is none.
        """
        return self._one(connection, _ONE, number)

    def lock(self, connection: Connection[Any], number: UUID) -> L:
        """One look, kept until the end of the transaction.

        Raises:
            LookNotFoundError: there is none.
        """
        return self._one(connection, _LOCK, number)

    def over(self, connection: Connection[Any], *, at: datetime) -> list[L]:
        """Some of those that time has ended and nobody has closed."""
        return self._fetch(connection, _OVER, at, at - ASKED_FOR)

    def _one(self, connection: Connection[Any], statement: LiteralString, number: UUID) -> L:
        found = self._fetch(connection, statement, number)
        if not found:
            raise LookNotFoundError(f"there is no look {number}")
        return found[0]

    def _fetch(self, connection: Connection[Any], statement: LiteralString, *values: object) -> list[L]:
        with connection.cursor(row_factory=class_row(self.look)) as cursor:
            return cursor.execute(self.of(statement), values).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookDoor(ABC, Generic[L]):
    """What somebody does with looks at one time, within the caller's transaction."""

    connection: Connection[Any]
    at: datetime
    actor: Actor

    @property
    @abstractmethod
    def kept(self) -> LookTable[L]:
        """Where they are kept."""

    @abstractmethod
    def require_grounds(self, look: L) -> None:
        """Refuse a look for which there is no ground (any longer).

        Raises:
            LookError: there is none.
        """

    @abstractmethod
    def require_part(self, look: L) -> None:
        """Hide a look from those who have no part in it.

        Raises:
            LookNotFoundError: for this person there is none.
        """

    @abstractmethod
    def chains_of(self, look: L) -> Sequence[UUID]:
        """The chains of those looked at, locked."""

    def told(self, look: L) -> Details:  # noqa: ARG002 - who overrides it needs it
        """What else those looked at read of it: nothing that would be whereabouts."""
        return {}

    def put(self, look: L) -> UUID:
        """Ask for a look.

        Raises:
            LookError: there is no ground for it.
        """
        self.require_grounds(look)
        values = {name: getattr(look, name) for name in self.kept.own}
        common = ("id", "kind", "purpose", "minutes", "asked_at", "asked_by")
        self.connection.execute(self.kept.of(_INSERT), values | {name: getattr(look, name) for name in common})
        self._note(look, LookDeed.ASK, minutes=look.minutes)
        return look.id

    def approve(self, number: UUID) -> None:
        """Approve what another person asked for; the time begins.

        Raises:
            LookError: it was asked by the same person, or cannot be approved any more.
        """
        look = self._lock(number)
        if self.actor.role is not self.kept.desk:
            raise LookError("somebody of the desk has to approve it")
        until = end_when_approved(look, by=self.actor.name, at=self.at)
        self.connection.execute(self.kept.of(_APPROVE), (self.at, self.actor.name, until, number))
        self._note(look, LookDeed.APPROVE, minutes=look.minutes)

    def close(self, number: UUID, *, outcome: str) -> None:
        """End a look, or refuse one that was asked for.

        Raises:
            LookError: it is over already.
        """
        look = self._lock(number)
        self.require_part(look)
        self._close(look, outcome=outcome)

    def look(self, number: UUID) -> L:
        """Look, if it is open; it is written down, once for some minutes of looking on.

        Raises:
            LookError: it is not open, or its ground is gone.
        """
        look = self._lock(number)
        self.require_part(look)
        require_open(look, at=self.at)
        self.require_grounds(look)
        self._note(look, LookDeed.LOOK)
        return look

    def end_those_over(self) -> int:
        """Close what time has ended; returns how many."""
        over = [self._lock(look.id) for look in self.kept.over(self.connection, at=self.at)]
        mine = [look for look in over if look.closed_at is None]
        for look in mine:
            self._close(look, outcome="")
        return len(mine)

    def _lock(self, number: UUID) -> L:
        """One look after those looked at: in the order in which all lock them who erase somebody."""
        self.chains_of(self.kept.find(self.connection, number))
        return self.kept.lock(self.connection, number)

    def _close(self, look: L, *, outcome: str) -> None:
        deed = how_it_ends(look)
        self.connection.execute(self.kept.of(_CLOSE), (self.at, self.actor.name, outcome, look.id))
        # The words tell where somebody was: they go with the look, and the chain only proves which they were.
        self._note(look, deed, outcome_sha256=hashlib.sha256(outcome.encode()).hexdigest())

    def _note(self, look: L, action: LookDeed, **details: str | int) -> None:
        words = Reason.as_written(look.purpose)
        known = {"look": str(look.id), "kind": look.kind, **self.told(look), **details}
        deed = Deed(at=self.at, actor=self.actor.name, action=action, reason=words, to_state=action, details=known)
        for subject in self.chains_of(look):
            if action is not LookDeed.LOOK or not self._has_noted(subject, look):
                self.kept.chain.append(self.connection, subject, deed)

    def _has_noted(self, subject: UUID, look: L) -> bool:
        values = (subject, self.actor.name, str(look.id), self.at - ONE_LOOK)
        return self.connection.execute(self.kept.chain.of(_LOOKED), values).rowcount > 0
