"""The outbox: messages on disk until the cloud says that they are stored."""

import logging
import sqlite3
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import OutboxError
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import (
    COUNTED_KINDS,
    KIND_OF_MESSAGE,
    Detection,
    GivenUp,
    Health,
    Kind,
    Message,
    PictureReference,
    Stored,
)

log = logging.getLogger(__name__)

RECEIPT_GRACE: Final = timedelta(seconds=5)
"""A receipt may have been written while a message that it misses was on its way."""
ROW_OVERHEAD_BYTES: Final = 200  # index entries and SQLite's own bytes, rounded up
MAX_RANGES_TOLD: Final = 256  # limit of the contract
_PICTURE: Final = "picture"
LEAST_VALUABLE_FIRST: Final = (
    Kind.TRACK.value,
    Kind.COVERAGE.value,
    _PICTURE,
    Kind.HEALTH.value,
    Kind.SIGHTING.value,
    Kind.DRIVING.value,
    Kind.DETECTION.value,
)
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS streams (
  stream TEXT NOT NULL PRIMARY KEY, next_sequence INTEGER NOT NULL, bytes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
  sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, observed_at REAL NOT NULL, payload BLOB NOT NULL,
  bytes INTEGER NOT NULL, sent_at REAL
);
CREATE INDEX IF NOT EXISTS events_kind_idx ON events (kind, sequence);
CREATE INDEX IF NOT EXISTS events_unsent_idx ON events (sequence) WHERE sent_at IS NULL;
CREATE TABLE IF NOT EXISTS pictures (
  sha256 TEXT NOT NULL PRIMARY KEY, sequence INTEGER NOT NULL, bytes INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, next_try_at REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS given_up (
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, kind TEXT NOT NULL, told_in INTEGER
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that is still to be sent."""

    sequence: int
    kind: Kind
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPicture:
    """A picture whose message is stored, and that is due."""

    sha256: str
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much waits."""

    messages: int
    pictures: int
    bytes: int
    oldest_at: datetime | None


class Outbox:
    """Messages in one SQLite file; usable from several threads, by one process at a time.

    A message is durable when `put` returns. It is sent at the broker's answer and leaves by the cloud's receipt.
    """

    def __init__(self, path: Path, *, source: str, max_bytes: int, now: datetime) -> None:
        """Open the file, or set a damaged one aside and begin a new stream.

        Raises:
            OutboxError: another process has it open, or the disk refuses.
        """
        self.changed = threading.Event()
        self._source = source
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._database = _open(path, now)
        with self._transaction():
            self.stream = self._first_or_new_stream(now)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @property
    def last_sequence(self) -> int:
        """Number of the newest message; 0 before the first."""
        return self._one("SELECT next_sequence - 1 FROM streams")

    def put(self, message: Message, *, observed_at: datetime) -> Envelope:
        """Number a message and keep it; when there is no room, the least valuable goes first (maybe this one).

        Raises:
            OutboxError: the disk takes nothing more.
        """
        if KIND_OF_MESSAGE[type(message)] not in COUNTED_KINDS:
            raise ValueError(f"{type(message).__name__} is no counted message; it does not go through the outbox")
        with self._transaction():
            envelope = self._number(message, observed_at)
            self._keep(envelope)
        self.changed.set()
        return envelope

    def next_to_send(self, limit: int, *, lost_before: datetime) -> list[Waiting]:
        """Oldest messages first that were never sent, or sent before `lost_before` and have no receipt yet."""
        rows = self._all(
            "SELECT sequence, kind, payload FROM events WHERE sent_at IS NULL OR sent_at <= ?"
            " ORDER BY sequence LIMIT ?",
            lost_before.timestamp(),
            limit,
        )
        return [Waiting(sequence=sequence, kind=Kind(kind), payload=payload) for sequence, kind, payload in rows]

    def mark_sent(self, sequences: Iterable[int], *, at: datetime) -> None:
        """Note the broker's answers."""
        with self._transaction() as database:
            database.executemany(
                "UPDATE events SET sent_at = ? WHERE sequence = ?", [(at.timestamp(), number) for number in sequences]
            )

    def apply_receipt(self, receipt: Stored, *, now: datetime) -> int:
        """Delete what is stored and send again what is missing; how many messages left."""
        last = self.last_sequence
        if receipt.stream != self.stream:
            log.info("receipt_ignored stream=%s expected=%s", receipt.stream, self.stream)
            return 0
        if receipt.up_to > last:
            log.warning("receipt_ignored up_to=%d last_sequence=%d", receipt.up_to, last)
            return 0
        with self._transaction():
            left = self._delete_stored(receipt)
            self._send_again(receipt, now)
        self.changed.set()
        return left

    def depth(self) -> Depth:
        messages, oldest = self._all("SELECT count(*), min(observed_at) FROM events")[0]
        return Depth(
            messages=messages,
            pictures=self._one("SELECT count(*) FROM pictures"),
            bytes=self._one("SELECT bytes FROM streams"),
            oldest_at=None if oldest is None else _time(oldest),
        )

    def ranges_to_tell(self) -> tuple[GivenUp, ...]:
        """Ranges given up that no stored health message has told yet, oldest first."""
        rows = self._all("SELECT kind, first, last FROM given_up ORDER BY first LIMIT ?", MAX_RANGES_TOLD)
        return tuple(GivenUp(kind=Kind(kind), first=first, last=last) for kind, first, last in rows)

    def pictures_due(self, limit: int, *, now: datetime) -> list[WaitingPicture]:
        """Pictures whose message the cloud has, so that it knows their hash, and whose next try is due."""
        rows = self._all(
            "SELECT sha256, tries FROM pictures WHERE next_try_at <= ?"
            " AND NOT EXISTS (SELECT 1 FROM events WHERE events.sequence = pictures.sequence)"
            " ORDER BY sequence LIMIT ?",
            now.timestamp(),
            limit,
        )
        return [WaitingPicture(sha256=sha256, tries=tries) for sha256, tries in rows]

    def picture_names(self) -> set[str]:
        """Hashes of all pictures that still wait."""
        return {sha256 for (sha256,) in self._all("SELECT sha256 FROM pictures")}

    def delay_picture(self, sha256: str, *, until: datetime) -> None:
        with self._transaction() as database:
            database.execute(
                "UPDATE pictures SET tries = tries + 1, next_try_at = ? WHERE sha256 = ?", (until.timestamp(), sha256)
            )

    def remove_picture(self, sha256: str) -> None:
        with self._transaction():
            self._remove("pictures", "sha256 = ?", sha256)

    def _first_or_new_stream(self, now: datetime) -> str:
        rows = self._all("SELECT stream FROM streams")
        if rows:
            return rows[0][0]
        stream = make_id(now)
        self._database.execute("INSERT INTO streams VALUES (?, 1, 0)", (stream,))
        return stream

    def _number(self, message: Message, observed_at: datetime) -> Envelope:
        return Envelope(
            id=make_id(observed_at),
            source=self._source,
            time=observed_at,
            data=message,
            stream=self.stream,
            sequence=self.last_sequence + 1,
        )

    def _keep(self, envelope: Envelope) -> None:
        sequence, kind, payload = envelope.sequence or 0, envelope.kind, encode_envelope(envelope)
        size = len(payload) + ROW_OVERHEAD_BYTES
        picture = envelope.data.picture if isinstance(envelope.data, Detection) else None
        self._database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, NULL)",
            (sequence, kind.value, envelope.time.timestamp(), payload, size),
        )
        if picture is not None:
            size += self._keep_picture(picture, sequence)
        self._database.execute("UPDATE streams SET next_sequence = next_sequence + 1, bytes = bytes + ?", (size,))
        if isinstance(envelope.data, Health):
            self._note_told(sequence, envelope.data.given_up)
        self._make_room()

    def _keep_picture(self, picture: PictureReference, sequence: int) -> int:
        """Bytes that it adds: two things in one frame share their picture."""
        added = self._database.execute(
            "INSERT INTO pictures (sha256, sequence, bytes) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
            (picture.sha256, sequence, picture.size_bytes),
        )
        return picture.size_bytes if added.rowcount else 0

    def _note_told(self, sequence: int, ranges: tuple[GivenUp, ...]) -> None:
        self._database.executemany(
            "UPDATE given_up SET told_in = ? WHERE first = ? AND last = ?",
            [(sequence, told.first, told.last) for told in ranges],
        )

    def _make_room(self) -> None:
        for kind in LEAST_VALUABLE_FIRST:
            while (excess := self._one("SELECT bytes FROM streams") - self._max_bytes) > 0:
                if not (self._drop_picture() if kind == _PICTURE else self._give_up(kind, excess)):
                    break

    def _drop_picture(self) -> bool:
        oldest = self._all("SELECT sha256 FROM pictures ORDER BY sequence LIMIT 1")
        if oldest:
            self._remove("pictures", "sha256 = ?", oldest[0][0])
        return bool(oldest)

    def _give_up(self, kind: str, excess_bytes: int) -> bool:
        """Give up the oldest messages of a kind, at least `excess_bytes` if there are so many."""
        rows = self._all("SELECT sequence, bytes FROM events WHERE kind = ? ORDER BY sequence LIMIT 100", kind)
        for sequence, size in rows:
            self._remove("events", "sequence = ?", sequence)
            self._note_given_up(kind, sequence)
            excess_bytes -= size
            if excess_bytes <= 0:
                break
        return bool(rows)

    def _note_given_up(self, kind: str, sequence: int) -> None:
        grown = self._database.execute(
            "UPDATE given_up SET last = ? WHERE last = ? AND kind = ? AND told_in IS NULL",
            (sequence, sequence - 1, kind),
        )
        if grown.rowcount == 0:
            self._database.execute("INSERT INTO given_up VALUES (?, ?, ?, NULL)", (sequence, sequence, kind))
        # A health message that is given up has told nothing.
        self._database.execute("UPDATE given_up SET told_in = NULL WHERE told_in = ?", (sequence,))
        log.warning("given_up kind=%s sequence=%d", kind, sequence)

    def _delete_stored(self, receipt: Stored) -> int:
        left, begin = 0, 1
        for first, last in [*sorted(receipt.missing), (receipt.up_to + 1, receipt.up_to + 1)]:
            end = min(first - 1, receipt.up_to)
            left += self._remove("events", "sequence BETWEEN ? AND ?", begin, end)
            self._database.execute("DELETE FROM given_up WHERE told_in BETWEEN ? AND ?", (begin, end))
            begin = max(begin, last + 1)
        return left

    def _send_again(self, receipt: Stored, now: datetime) -> None:
        self._database.executemany(
            "UPDATE events SET sent_at = NULL WHERE sequence BETWEEN ? AND ? AND sent_at <= ?",
            [(first, last, (now - RECEIPT_GRACE).timestamp()) for first, last in receipt.missing],
        )

    def _remove(self, table: str, condition: str, *values: int | str) -> int:
        """Delete rows and keep the sum of bytes; `table` and `condition` are constants of this file."""
        freed = self._one(f"SELECT coalesce(sum(bytes), 0) FROM {table} WHERE {condition}", *values)  # noqa: S608
        removed = self._database.execute(f"DELETE FROM {table} WHERE {condition}", values)  # noqa: S608
        self._database.execute("UPDATE streams SET bytes = bytes - ?", (freed,))
        return removed.rowcount

    def _one(self, query: str, *values: float | str) -> int:
        return self._all(query, *values)[0][0]

    def _all(self, query: str, *values: float | str) -> list[Any]:
        with self._lock, _as_outbox_error():
            return self._database.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        """All or nothing, one thread at a time, on the disk when it ends."""
        with self._lock, _as_outbox_error():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                if self._database.in_transaction:  # a full disk has already ended it
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


@contextmanager
def _as_outbox_error() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutboxError(f"the outbox cannot be read or written: {error}") from error


def _open(path: Path, now: datetime) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in _DAMAGED:
            raise OutboxError(f"outbox {path} cannot be opened (is another agent running?): {error}") from error
        log.error("outbox_damaged path=%s set_aside=true error=%s", path, error)  # noqa: TRY400 - no trace needed
    _set_aside(path, now)
    with _as_outbox_error():
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")  # one process: two would number the same stream
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise _damaged("quick_check")
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _damaged(where: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(f"damaged: {where}")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _set_aside(path: Path, now: datetime) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(part.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}{suffix}"))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
