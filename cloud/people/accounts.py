"""Accounts in the database."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.db.value import fetch_value
from cloud.errors import PersonError, PersonNotFoundError
from cloud.people.model import Actor, Role

_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,62}")
_COLUMNS: Final = """
SELECT name, role, unit, crew, areas, password_hash, totp_secret, totp_step, oidc_name, oidc_subject, is_demo,
    created_at, disabled_at, last_signed_in_at
FROM people
"""
_INSERT: Final = """
INSERT INTO people (name, role, unit, crew, areas, oidc_name, is_demo, created_at)
VALUES (%(name)s, %(role)s, %(unit)s, %(crew)s, %(areas)s, %(oidc_name)s, %(is_demo)s, %(at)s)
"""
_CHANGE: Final = """
UPDATE people SET role = %(role)s, unit = %(unit)s, crew = %(crew)s, areas = %(areas)s, oidc_name = %(oidc_name)s,
    oidc_subject = CASE WHEN oidc_name IS NOT DISTINCT FROM %(oidc_name)s THEN oidc_subject END,
    disabled_at = CASE WHEN %(is_disabled)s THEN coalesce(disabled_at, %(at)s) END
WHERE name = %(name)s
"""
_NOTE: Final = "INSERT INTO people_log (at, person, actor, event, address, details) VALUES (%s, %s, %s, %s, %s, %s)"
_HAS_ADMINISTRATOR: Final = """
SELECT EXISTS (SELECT FROM people WHERE role = 'admin' AND disabled_at IS NULL
    AND (password_hash IS NOT NULL OR oidc_name IS NOT NULL OR is_demo))
"""
# Two who take each other's role away at once would both be the one who stays.
_LOCK_ADMINISTRATORS: Final = "SELECT pg_advisory_xact_lock(hashtextextended('busense.administrators', 0))"
_OTHER_ADMINISTRATORS: Final = """
SELECT count(*) FROM people WHERE role = 'admin' AND disabled_at IS NULL AND name <> %s
    AND (password_hash IS NOT NULL OR oidc_name IS NOT NULL OR is_demo)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An account as an administrator wants it."""

    name: str
    role: Role
    unit: str | None = None
    crew: str | None = None
    areas: tuple[str, ...] = ()
    oidc_name: str | None = None
    is_demo: bool = False

    def check(self) -> None:
        """Check that it makes sense.

        Raises:
            PersonError: it does not.
        """
        if _NAME.fullmatch(self.name) is None:
            raise PersonError(
                f"name {self.name!r}: 1 to 63 of lower-case letters, digits, dots, dashes and underscores are expected,"
                " a letter first"
            )
        if self.role is Role.SYSTEM:
            raise PersonError("nobody is the system but the system")
        if self.role is Role.CREW and (self.unit is None or self.crew is None):
            raise PersonError("a crew needs unit and crew")
        if self.role is Role.ADMIN and (self.unit is not None or self.areas):
            raise PersonError("an administrator sees everything: no unit and no areas")
        if self.role is not Role.CREW and self.crew is not None:
            raise PersonError(f"{self.role} has no crew")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account."""

    name: str
    role: str
    unit: str | None
    crew: str | None
    areas: list[str]
    password_hash: str | None
    totp_secret: str | None
    totp_step: int | None
    oidc_name: str | None
    oidc_subject: str | None
    is_demo: bool
    created_at: datetime
    disabled_at: datetime | None
    last_signed_in_at: datetime | None

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, role=Role(self.role), unit=self.unit, crew=self.crew, areas=tuple(self.areas))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Accounts, changed by somebody at one time within the caller's transaction; each change is written down."""

    connection: Connection[Any]
    at: datetime
    actor: str
    address: str = ""

    def add(self, wish: Wish) -> None:
        """Make an account without a password: its owner sets one by a one-time link.

        Raises:
            PersonError: the name is taken, or something does not fit.
        """
        wish.check()
        try:
            self.connection.execute(_INSERT, self._values(wish))
        except UniqueViolation as error:
            raise PersonError(f"{wish.name} or {wish.oidc_name or 'its name at the provider'} is taken") from error
        self.note(wish.name, "added", role=wish.role, unit=wish.unit, crew=wish.crew, areas=list(wish.areas))

    def change(self, wish: Wish, *, is_disabled: bool) -> None:
        """Change an account; what it may do counts from the next request on.

        Raises:
            PersonNotFoundError, PersonError: there is none, or it cannot be so.
        """
        wish.check()
        self.connection.execute(_LOCK_ADMINISTRATORS)
        before = self.find(wish.name)
        can_sign_in = before.password_hash is not None or wish.oidc_name is not None or before.is_demo
        if before.role == Role.ADMIN and (wish.role is not Role.ADMIN or is_disabled or not can_sign_in):
            self._keep_an_administrator(wish.name)
        self.connection.execute(_CHANGE, self._values(wish) | {"is_disabled": is_disabled})
        self.note(
            wish.name, "changed", role=wish.role, unit=wish.unit, crew=wish.crew, areas=list(wish.areas),
            is_disabled=is_disabled,
        )  # fmt: skip

    def find(self, name: str) -> Person:
        """Lock an account and read it.

        Raises:
            PersonNotFoundError: there is none.
        """
        return _one(self.connection, _COLUMNS + "WHERE name = %s FOR UPDATE", name)

    def set_password(self, name: str, password_hash: str) -> None:
        """Keep a new password's hash."""
        self.connection.execute("UPDATE people SET password_hash = %s WHERE name = %s", (password_hash, name))
        self.note(name, "password_set")

    def set_second_factor(self, name: str, secret: str | None, *, step: int | None = None) -> None:
        """Keep the secret of an authenticator app, or none."""
        self.connection.execute(
            "UPDATE people SET totp_secret = %s, totp_step = %s WHERE name = %s", (secret, step, name)
        )
        self.note(name, "second_factor_set" if secret else "second_factor_removed")

    def use_code(self, name: str, step: int) -> None:
        """Remember the last code, so that it is not good again."""
        self.connection.execute("UPDATE people SET totp_step = %s WHERE name = %s", (step, name))

    def bind(self, name: str, subject: str) -> None:
        """Remember who this is at the provider."""
        self.connection.execute("UPDATE people SET oidc_subject = %s WHERE name = %s", (subject, name))
        self.note(name, "bound", subject=subject)

    def note_sign_in(self, name: str, *, way: str) -> None:
        """Write down that somebody signed in."""
        self.connection.execute("UPDATE people SET last_signed_in_at = %s WHERE name = %s", (self.at, name))
        self.note(name, "signed_in", way=way)

    def note(self, person: str, event: str, **details: object) -> None:
        """Write down what happened; lines are only added."""
        shown = {key: value for key, value in details.items() if value not in (None, [])}
        self.connection.execute(_NOTE, (self.at, person, self.actor, event, self.address, Jsonb(shown)))

    def _keep_an_administrator(self, name: str) -> None:
        if not fetch_value(self.connection, _OTHER_ADMINISTRATORS, (name,)):
            raise PersonError("the last administrator stays one")

    def _values(self, wish: Wish) -> dict[str, Any]:
        return {name: getattr(wish, name) for name in Wish.__slots__} | {"areas": list(wish.areas), "at": self.at}


def find_person(connection: Connection[Any], name: str) -> Person | None:
    """Read an account."""
    return _maybe(connection, _COLUMNS + "WHERE name = %s", name)


def find_bound(connection: Connection[Any], subject: str) -> Person | None:
    """Read the account of somebody known at the provider."""
    return _maybe(connection, _COLUMNS + "WHERE oidc_subject = %s", subject)


def find_expected(connection: Connection[Any], oidc_name: str) -> Person | None:
    """Read an account whose owner comes from the provider for the first time."""
    return _maybe(connection, _COLUMNS + "WHERE oidc_name = %s AND oidc_subject IS NULL", oidc_name)


def list_people(connection: Connection[Any]) -> list[Person]:
    """Read all accounts, by name."""
    with connection.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(_COLUMNS + "ORDER BY name").fetchall()


def has_administrator(connection: Connection[Any]) -> bool:
    """Whether somebody can sign in as administrator."""
    return fetch_value(connection, _HAS_ADMINISTRATOR)


def _maybe(connection: Connection[Any], statement: LiteralString, value: str) -> Person | None:
    with connection.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(statement, (value,)).fetchone()


def _one(connection: Connection[Any], statement: LiteralString, name: str) -> Person:
    found = _maybe(connection, statement, name)
    if found is None:
        raise PersonNotFoundError(f"there is no account {name}")
    return found
