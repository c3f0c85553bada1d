"""Forward-only migrations: numbered SQL files, each in its own transaction."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, LiteralString, cast

import psycopg
from psycopg import Connection

from cloud.db.pool import Row, connect
from cloud.errors import MigrationError

_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK: Final = 0x62757365  # "buse": one migration at a time in a database

_CREATE_HISTORY: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (number)
)
"""
_INSERT_HISTORY: Final = "INSERT INTO schema_migrations (number, name, sha256) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    number: int
    name: str  # of the file
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One line of the database's own history."""

    number: int
    name: str
    sha256: str


def migrate(url: str) -> list[str]:
    """Bring the database to this version; again, or from several processes at once, it changes nothing more.

    Returns:
        Names of the migrations that this call applied.

    Raises:
        MigrationError: the history does not fit, or a migration failed (it left nothing behind).
        UnavailableError: there is no database.
    """
    with connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))  # given back when the connection closes
        connection.execute(_CREATE_HISTORY)
        pending = plan(read_migrations(), _read_history(connection))
        for migration in pending:
            _apply(connection, migration)
        connection.execute("SELECT ensure_time_partitions(now())")
    return [migration.name for migration in pending]


def check_current(url: str) -> None:
    """Check that the database is of this version.

    Raises:
        MigrationError: it is not.
        UnavailableError: there is no database.
    """
    with connect(url) as connection:
        exists = connection.execute("SELECT to_regclass('schema_migrations')").fetchone()
        history = _read_history(connection) if exists != (None,) else []
    if plan(read_migrations(), history):
        raise MigrationError("the database is older than this version; run `busense migrate`")


def read_migrations() -> list[Migration]:
    """Read the migrations of this version, in order."""
    folder = files("cloud.db") / "migrations"
    found = [
        _read(entry.name, entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


def plan(migrations: Sequence[Migration], history: Sequence[Applied]) -> list[Migration]:
    """Tell which migrations are still to be applied.

    Raises:
        MigrationError: an applied one is gone or was changed, or a new one stands before an applied one.
    """
    numbers = [migration.number for migration in migrations]
    if len(set(numbers)) != len(numbers):
        raise MigrationError(f"migrations {_twice(numbers)} stand twice")
    known = {migration.number: migration for migration in migrations}
    for applied in history:
        _check(applied, known.get(applied.number))
    done = {applied.number for applied in history}
    pending = [migration for migration in migrations if migration.number not in done]
    if pending and history and pending[0].number < max(done):
        raise MigrationError(f"{pending[0].name} is new, but {max(done):04d} is applied already; number it after that")
    return pending


def _check(applied: Applied, migration: Migration | None) -> None:
    if migration is None:
        raise MigrationError(f"the database has {applied.name}, which this version does not know: it is newer than us")
    if migration.sha256 != applied.sha256:
        raise MigrationError(f"{migration.name} was changed after it was applied; write a new migration instead")


def _twice(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:04d}" for number in sorted(set(numbers)) if numbers.count(number) > 1)


def _read(name: str, sql: str) -> Migration:
    match = _NAME.fullmatch(name)
    if match is None:
        raise MigrationError(f"{name}: a name such as 0007_add_case_deadline.sql is expected")
    return Migration(number=int(match[1]), name=name, sql=sql)


def _read_history(connection: Connection[Row]) -> list[Applied]:
    rows = connection.execute("SELECT number, name, sha256 FROM schema_migrations ORDER BY number").fetchall()
    return [Applied(number=number, name=name, sha256=sha256) for number, name, sha256 in rows]


def _apply(connection: Connection[Row], migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(cast("LiteralString", migration.sql))
            connection.execute(_INSERT_HISTORY, (migration.number, migration.name, migration.sha256))
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name}: {error}") from error
