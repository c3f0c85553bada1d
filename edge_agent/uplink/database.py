"""The SQLite file of an outbox: its tables, how it is opened, and what its errors mean to us."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_agent.errors import DamagedFileError, DiskRefusesError, OutboxError
from wire.messages import COUNTED_KINDS, OutboxState

VERSION: Final = 4  # of the tables; a file of another version is salvaged like a damaged one
SEQUENCE_BITS: Final = 40  # of a key: one message a second for 34,000 years
MAX_SEQUENCE: Final = (1 << SEQUENCE_BITS) - 1
PAGE_BYTES: Final = 8192  # a track of ten seconds has 2.2 kB: of 4,096 it would waste nearly half
_PRIMARY_CODE: Final = 0xFF  # SQLite's extended codes carry the plain one here
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_STATE_OF_CODE: Final = {
    sqlite3.SQLITE_FULL: OutboxState.DISK_FULL,
    sqlite3.SQLITE_READONLY: OutboxState.DISK_READ_ONLY,
}

TABLE_OF_KIND: Final = {kind: f"events_{kind.value}" for kind in sorted(COUNTED_KINDS)}
"""Each kind has a table, so that what comes is always put at its end and fills whole pages, and what is given up
frees whole pages. An event's key is its stream's number and its sequence: a stream is one stretch, without an index."""
_EVENTS: Final = "\n".join(
    f"CREATE TABLE IF NOT EXISTS {table} (key INTEGER PRIMARY KEY, observed_at REAL NOT NULL, bytes INTEGER NOT NULL,"
    " payload BLOB NOT NULL);"
    for table in TABLE_OF_KIND.values()
)
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
{_EVENTS}
CREATE TABLE streams (
  number INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, kind TEXT NOT NULL, last_sequence INTEGER NOT NULL,
  is_open INTEGER NOT NULL, messages INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  UNIQUE (stream, kind)
);
CREATE TABLE pictures (
  sha256 TEXT NOT NULL PRIMARY KEY, event INTEGER NOT NULL, bytes INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, next_try_at REAL NOT NULL DEFAULT 0
);
CREATE INDEX pictures_event_idx ON pictures (event);
CREATE TABLE given_up (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, told_in INTEGER);
CREATE TABLE counts (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE last_ids (id TEXT NOT NULL);
CREATE TABLE boots (id TEXT NOT NULL);
PRAGMA user_version = {VERSION};
COMMIT;
"""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open or make the file; without a path it is in memory.

    Raises:
        sqlite3.Error: it cannot be opened, made or locked.
        DamagedFileError: it cannot be read, or is of another version.
    """
    name = ":memory:" if path is None else str(path)
    database = sqlite3.connect(name, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA locking_mode = EXCLUSIVE")  # one process: two would number the same stream
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = FAST")  # what has left is not salvaged from a damaged file
        _check(database, name)
        _make_tables(database, name)
    except (sqlite3.Error, DamagedFileError):
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, name: str) -> None:
    if (verdict := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise DamagedFileError(f"{name} does not pass SQLite's quick check: {verdict}")


def _make_tables(database: sqlite3.Connection, name: str) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    is_new = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if is_new:
        database.executescript(_SCHEMA)
    elif version != VERSION:
        raise DamagedFileError(f"{name} has tables of version {version}; {VERSION} is expected")
    else:
        database.executescript(_EVENTS)  # kinds that it did not know yet
        database.execute(
            f"PRAGMA user_version = {VERSION}"
        )  # takes the lock, and shows whether the disk can be written


@contextmanager
def translated() -> Generator[None]:
    """Raise errors of SQLite as ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _our_error(error) from error


def _our_error(error: sqlite3.DatabaseError) -> Exception:
    """Tell apart what can be done: another agent runs, the file is damaged, or the disk refuses."""
    whole_code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    code = whole_code & _PRIMARY_CODE
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return OutboxError(f"the outbox cannot be opened; another agent uses it: {error}")
    if code in _DAMAGED or whole_code == sqlite3.SQLITE_IOERR_CORRUPTFS:  # a sector that cannot be read
        return DamagedFileError(str(error))
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, *_STATE_OF_CODE}:
        return DiskRefusesError(_STATE_OF_CODE.get(code, OutboxState.DISK_FAILING), str(error))
    return error
