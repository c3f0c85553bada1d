"""One SQLite database of messages: numbers, payloads, pictures that wait, ranges given up. It decides nothing."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import DamagedFileError, DiskRefusesError
from edge_agent.uplink.database import MAX_SEQUENCE, PAGE_BYTES, SEQUENCE_BITS, TABLE_OF_KIND, connect, translated
from wire.messages import GivenUp, Kind

ROW_OVERHEAD_BYTES: Final = 50  # SQLite's own
PAGE_WASTE: Final = 0.25  # of a message: what pages leave empty at their ends, rounded up
MAX_RANGES_TOLD: Final = 256  # limit of the contract
_NO_EVENT: Final = 0  # no stream has this number
_PICTURES: Final = "pictures"  # counts that are kept: how many wait, their bytes, how many were dropped
_PICTURE_BYTES: Final = "picture_bytes"
_PICTURES_DROPPED: Final = "pictures_dropped"
_DAMAGES: Final = "damages"
_NUMBERED_BEFORE: Final = "numbered_before"  # in streams that are forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The numbers of one kind of message, from 1 without gaps."""

    number: int  # in this database
    stream: str  # UUIDv7
    kind: Kind
    last_sequence: int
    is_open: bool  # it numbers what comes; else it is only told to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One message that is kept."""

    sequence: int
    observed_at: float
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KindDepth:
    """How much waits of one kind."""

    messages: int
    oldest_at: datetime | None


class Store:
    """Messages in one database; used by one thread at a time. What a transaction wrote is on the disk when it ends."""

    def __init__(self, path: Path | None, *, boot: str | None = None) -> None:
        """Open or make the file; without a path it is in memory.

        What names the machine's present start tells whether streams go on; without it they do.

        Raises:
            OutboxError: another process has it open.
            DiskRefusesError: it can be neither opened nor made.
            DamagedFileError: it cannot be read, or is of another version.
        """
        with translated():
            self._database = connect(path)
        if boot is not None:
            self._begin_boot_or_close(boot)

    def close(self) -> None:
        with translated():
            self._database.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing."""
        with translated():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._database.in_transaction:  # a full disk has already ended it
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def last_id(self) -> str | None:
        """Id of the newest message that was ever kept."""
        rows = self._all("SELECT id FROM last_ids")
        return rows[0][0] if rows else None

    def _begin_boot_or_close(self, boot: str) -> None:
        try:
            with self.transaction():
                self._begin_boot(boot)
        except (DiskRefusesError, DamagedFileError):
            self.close()
            raise

    def _begin_boot(self, boot: str) -> None:
        """Number in new streams when the machine was started anew since the last time.

        A memory card may lose what it had confirmed when the power goes, and an image may be copied: then numbers would
        be given twice, and the receipt for the first message would delete the second. Old streams are told to their
        end.
        """
        if self._all("SELECT 1 FROM boots WHERE id = ?", boot):
            return
        self._run("DELETE FROM boots")
        self._run("INSERT INTO boots VALUES (?)", boot)
        self._run("UPDATE streams SET is_open = 0")
        for stream in self.streams():
            if not self.rows_after(stream, 0, 1) and not self._ranges_of(stream):
                self._count(_NUMBERED_BEFORE, stream.last_sequence)
                self._run("DELETE FROM streams WHERE number = ?", stream.number)

    def numbered(self) -> int:
        """How many messages ever got a number here."""
        current = self._one("SELECT coalesce(sum(last_sequence), 0) FROM streams")
        return current + self.counts().get(_NUMBERED_BEFORE, 0)

    def streams(self) -> list[Stream]:
        """All that have or had messages here, older ones first; those of a newer program's kinds wait for it."""
        rows = self._all("SELECT number, stream, kind, last_sequence, is_open FROM streams ORDER BY number")
        return [_stream(row) for row in rows if row[2] in TABLE_OF_KIND]

    def open_stream(self, kind: Kind, *, new_id: str) -> Stream:
        """The stream that numbers this kind; the first time a new one."""
        rows = self._all(
            "SELECT number, stream, kind, last_sequence, is_open FROM streams WHERE kind = ? AND is_open", kind.value
        )
        return _stream(rows[0]) if rows else self.add_stream(new_id, kind, last_sequence=0, is_open=True)

    def add_stream(self, stream: str, kind: Kind, *, last_sequence: int, is_open: bool) -> Stream:
        """Add a stream, or raise the last number of one that is there."""
        self._run(
            "INSERT INTO streams (stream, kind, last_sequence, is_open) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (stream, kind) DO UPDATE SET last_sequence = max(last_sequence, excluded.last_sequence)",
            stream,
            kind.value,
            last_sequence,
            is_open,
        )
        query = "SELECT number, stream, kind, last_sequence, is_open FROM streams WHERE stream = ? AND kind = ?"
        return _stream(self._all(query, stream, kind.value)[0])

    def keep(self, stream: Stream, row: Row) -> bool:
        """Keep a message; False when it is there already."""
        size = round(len(row.payload) * (1 + PAGE_WASTE)) + ROW_OVERHEAD_BYTES
        added = self._run(
            f"INSERT INTO {TABLE_OF_KIND[stream.kind]} VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",  # noqa: S608
            _key(stream.number, row.sequence),
            row.observed_at,
            size,
            row.payload,
        )
        if added:
            self._run(
                "UPDATE streams SET messages = messages + 1, bytes = bytes + ?, last_sequence = max(last_sequence, ?)"
                " WHERE number = ?",
                size,
                row.sequence,
                stream.number,
            )
        return bool(added)

    def note_id(self, event_id: str) -> None:
        if not self._run("UPDATE last_ids SET id = ?", event_id):
            self._run("INSERT INTO last_ids VALUES (?)", event_id)

    def replace(self, stream: Stream, row: Row) -> None:
        """Write a message anew under its number."""
        self._run(
            f"UPDATE {TABLE_OF_KIND[stream.kind]} SET observed_at = ?, payload = ? WHERE key = ?",  # noqa: S608
            row.observed_at,
            row.payload,
            _key(stream.number, row.sequence),
        )

    def row(self, stream: Stream, sequence: int) -> Row | None:
        rows = self._rows(stream, "key = ?", _key(stream.number, sequence))
        return rows[0] if rows else None

    def rows_after(self, stream: Stream, sequence: int, limit: int) -> list[Row]:
        """The next messages above a number, lowest first."""
        return self._rows(
            stream,
            "key > ? AND key < ? ORDER BY key LIMIT ?",
            _key(stream.number, sequence),
            _key(stream.number + 1, 0),
            limit,
        )

    def rows_before(self, stream: Stream, sequence: int, limit: int) -> list[Row]:
        """The next messages below a number, highest first."""
        return self._rows(
            stream,
            "key > ? AND key < ? ORDER BY key DESC LIMIT ?",
            _key(stream.number, 0),
            _key(stream.number, sequence),
            limit,
        )

    def remove(self, stream: Stream, first: int, last: int) -> int:
        """Delete messages, and what they told of given-up ranges; how many there were."""
        bounds = _key(stream.number, first), _key(stream.number, last)
        stretch = f"FROM {TABLE_OF_KIND[stream.kind]} WHERE key BETWEEN ? AND ?"
        freed = self._one(f"SELECT coalesce(sum(bytes), 0) {stretch}", *bounds)
        removed = self._run(f"DELETE {stretch}", *bounds)
        self._run(
            "UPDATE streams SET messages = messages - ?, bytes = bytes - ? WHERE number = ?",
            removed,
            freed,
            stream.number,
        )
        return removed

    def forget_told(self, stream: Stream, first: int, last: int) -> None:
        """Forget the ranges that these health messages told: they are stored."""
        self._run(
            "DELETE FROM given_up WHERE told_in BETWEEN ? AND ?",
            _key(stream.number, first),
            _key(stream.number, last),
        )

    def oldest_of_kind(self, kind: Kind, limit: int) -> list[tuple[Stream, int, int]]:
        """Stream, sequence and bytes of the oldest messages of a kind."""
        found: list[tuple[Stream, int, int]] = []
        for stream in self.streams():
            if stream.kind is kind and len(found) < limit:
                rows = self._all(
                    f"SELECT key, bytes FROM {TABLE_OF_KIND[kind]}"  # noqa: S608
                    " WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
                    _key(stream.number, 0),
                    _key(stream.number + 1, 0),
                    limit - len(found),
                )
                found += [(stream, _sequence(key), size) for key, size in rows]
        return found

    def gaps(self, stream: Stream) -> list[tuple[int, int]]:
        """Ranges of numbers, up to the last of a stream, whose messages are not here."""
        beginning, end = _key(stream.number, 0), _key(stream.number, stream.last_sequence + 1)
        rows = self._all(
            "SELECT before + 1, key - 1 FROM ("  # noqa: S608 - the table's name is a constant
            " SELECT key, lag(key, 1, ?) OVER (ORDER BY key) AS before FROM ("
            f"  SELECT key FROM {TABLE_OF_KIND[stream.kind]} WHERE key > ? AND key < ? UNION ALL SELECT ?))"
            " WHERE key > before + 1",
            beginning,
            beginning,
            end,
            end,
        )
        return [(_sequence(first), _sequence(last)) for first, last in rows]

    def note_given_up(self, stream: Stream, first: int, last: int) -> None:
        """Note a range that will not come, joined to its neighbour below."""
        grown = self._run(
            "UPDATE given_up SET last = ? WHERE last = ? AND told_in IS NULL",
            _key(stream.number, last),
            _key(stream.number, first - 1),
        )
        if not grown:
            self._run(
                "INSERT INTO given_up VALUES (?, ?, NULL) ON CONFLICT (first) DO UPDATE SET"
                " last = max(last, excluded.last), told_in = NULL",
                _key(stream.number, first),
                _key(stream.number, last),
            )
        # A health message that is given up has told nothing.
        self._run(
            "UPDATE given_up SET told_in = NULL WHERE told_in BETWEEN ? AND ?",
            _key(stream.number, first),
            _key(stream.number, last),
        )

    def given_up(self, limit: int = MAX_RANGES_TOLD) -> list[GivenUp]:
        """Ranges that no stored health message has told yet, oldest first."""
        streams = {stream.number: stream for stream in self.streams()}
        rows = self._all("SELECT first, last FROM given_up ORDER BY first LIMIT ?", limit)
        return [
            GivenUp(
                kind=streams[first >> SEQUENCE_BITS].kind,
                first=_sequence(first),
                last=_sequence(last),
                stream=streams[first >> SEQUENCE_BITS].stream,
            )
            for first, last in rows
            if first >> SEQUENCE_BITS in streams
        ]

    def note_told(self, ranges: Sequence[GivenUp], *, stream: Stream, sequence: int) -> None:
        """Note in which health message ranges are told; one that grew since is told again."""
        numbers = {(each.stream, each.kind): each.number for each in self.streams()}
        told = [(numbers.get((each.stream or stream.stream, each.kind)), each) for each in ranges]
        self._database.executemany(
            "UPDATE given_up SET told_in = ? WHERE first = ? AND last = ?",
            [
                (_key(stream.number, sequence), _key(number, each.first), _key(number, each.last))
                for number, each in told
                if number is not None
            ],
        )

    def add_picture(self, sha256: str, *, stream: Stream, sequence: int, size: int) -> None:
        """Let a picture wait for its message; two things in one frame share theirs."""
        self._add_picture(sha256, _key(stream.number, sequence), size)

    def adopt_picture(self, sha256: str, *, size: int) -> None:
        """Let a picture wait for no message."""
        self._add_picture(sha256, _NO_EVENT, size)

    def _add_picture(self, sha256: str, event: int, size: int) -> None:
        statement = "INSERT INTO pictures (sha256, event, bytes) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING"
        if self._run(statement, sha256, event, size):
            self._count(_PICTURES, 1)
            self._count(_PICTURE_BYTES, size)

    def remove_picture(self, sha256: str) -> int:
        """Forget a picture; its bytes."""
        rows = self._all("SELECT bytes FROM pictures WHERE sha256 = ?", sha256)
        if not rows:
            return 0
        self._run("DELETE FROM pictures WHERE sha256 = ?", sha256)
        self._count(_PICTURES, -1)
        self._count(_PICTURE_BYTES, -rows[0][0])
        return rows[0][0]

    def oldest_picture(self) -> str | None:
        rows = self._all("SELECT sha256 FROM pictures ORDER BY event LIMIT 1")
        return rows[0][0] if rows else None

    def picture_names(self) -> set[str]:
        return {sha256 for (sha256,) in self._all("SELECT sha256 FROM pictures")}

    def pictures_due(self, limit: int, *, now: datetime, longest_wait: timedelta) -> list[WaitingPicture]:
        """Newest pictures first whose message has left and whose next try is due, or cannot be: the clock was set."""
        rows = self._all(
            "SELECT sha256, tries FROM pictures WHERE (next_try_at <= ? OR next_try_at > ?)"
            " AND NOT EXISTS (SELECT 1 FROM events_detection WHERE key = event)"
            " AND NOT EXISTS (SELECT 1 FROM events_driving WHERE key = event) ORDER BY event DESC LIMIT ?",
            now.timestamp(),
            (now + longest_wait).timestamp(),
            limit,
        )
        return [WaitingPicture(sha256=sha256, tries=tries) for sha256, tries in rows]

    def delay_picture(self, sha256: str, *, until: datetime) -> None:
        self._run("UPDATE pictures SET tries = tries + 1, next_try_at = ? WHERE sha256 = ?", until.timestamp(), sha256)

    def note_dropped_picture(self) -> None:
        self._count(_PICTURES_DROPPED, 1)

    def note_lost(self, kind: Kind, messages: int) -> None:
        """Count messages that were given up."""
        self._count(f"given_up_{kind.value}", messages)

    def note_damage(self) -> None:
        self._count(_DAMAGES, 1)

    def counts(self) -> dict[str, int]:
        return dict(self._all("SELECT name, value FROM counts"))

    def given_up_counts(self) -> dict[Kind, int]:
        counts = self.counts()
        return {kind: counts[name] for kind in Kind if (name := f"given_up_{kind.value}") in counts}

    @property
    def pictures_dropped(self) -> int:
        return self.counts().get(_PICTURES_DROPPED, 0)

    @property
    def damages(self) -> int:
        return self.counts().get(_DAMAGES, 0)

    def bytes_kept(self) -> int:
        """Of messages and of the pictures that wait with them."""
        return self._one(
            "SELECT (SELECT coalesce(sum(bytes), 0) FROM streams)"
            " + coalesce((SELECT value FROM counts WHERE name = ?), 0)",
            _PICTURE_BYTES,
        )

    def bytes_reusable(self) -> int:
        """Pages of the file that are free."""
        return self._one("PRAGMA freelist_count") * PAGE_BYTES

    def depth(self) -> Depth:
        oldest = [rows[0].observed_at for stream in self.streams() if (rows := self.rows_after(stream, 0, 1))]
        return Depth(
            messages=self._one("SELECT coalesce(sum(messages), 0) FROM streams"),
            pictures=self.counts().get(_PICTURES, 0),
            bytes=self.bytes_kept(),
            oldest_at=datetime.fromtimestamp(min(oldest), tz=UTC) if oldest else None,
        )

    def depth_by_kind(self) -> dict[Kind, "KindDepth"]:
        """How much waits of each kind that was ever kept."""
        found: dict[Kind, KindDepth] = {}
        for kind, messages in self._all("SELECT kind, sum(messages) FROM streams GROUP BY kind"):
            if kind in TABLE_OF_KIND:
                found[Kind(kind)] = KindDepth(messages=messages, oldest_at=None)
        for stream in self.streams():
            for row in self.rows_after(stream, 0, 1):
                known, at = found[stream.kind], datetime.fromtimestamp(row.observed_at, tz=UTC)
                found[stream.kind] = replace(known, oldest_at=min(known.oldest_at or at, at))
        return found

    def take_over(self, other: "Store") -> None:
        """Take everything that waits in another store; its streams go on being told, but number nothing here."""
        for old in other.streams():
            new = self.add_stream(old.stream, old.kind, last_sequence=old.last_sequence, is_open=False)
            sequence = 0
            while rows := other.rows_after(old, sequence, 100):
                for row in rows:
                    self.keep(new, row)
                sequence = rows[-1].sequence
            for first, last in other._ranges_of(old):  # noqa: SLF001 - of the same class
                self.note_given_up(new, first, last)
            for sha256, event, size in other._pictures_of(old):  # noqa: SLF001
                self.add_picture(sha256, stream=new, sequence=event, size=size)
        for name, value in other.counts().items():
            if name not in {_PICTURES, _PICTURE_BYTES}:
                self._count(name, value)

    def _ranges_of(self, stream: Stream) -> list[tuple[int, int]]:
        bounds = _key(stream.number, 0), _key(stream.number + 1, 0)
        rows = self._all("SELECT first, last FROM given_up WHERE first > ? AND first < ?", *bounds)
        return [(_sequence(first), _sequence(last)) for first, last in rows]

    def _pictures_of(self, stream: Stream) -> list[tuple[str, int, int]]:
        bounds = _key(stream.number, 0), _key(stream.number + 1, 0)
        rows = self._all("SELECT sha256, event, bytes FROM pictures WHERE event > ? AND event < ?", *bounds)
        return [(sha256, _sequence(event), size) for sha256, event, size in rows]

    def _count(self, name: str, change: int) -> None:
        self._run(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            name,
            change,
        )

    def _rows(self, stream: Stream, condition: str, *values: int) -> list[Row]:
        """Rows that fulfil a condition, which is a constant of this file."""
        query = f"SELECT key, observed_at, payload FROM {TABLE_OF_KIND[stream.kind]} WHERE {condition}"  # noqa: S608
        return [
            Row(sequence=_sequence(key), observed_at=observed_at, payload=payload)
            for key, observed_at, payload in self._all(query, *values)
        ]

    def _one(self, query: str, *values: float | str) -> int:
        return self._all(query, *values)[0][0]

    def _all(self, query: str, *values: float | str) -> list[Any]:
        with translated():
            return self._database.execute(query, values).fetchall()

    def _run(self, statement: str, *values: float | str | bytes) -> int:
        with translated():
            return self._database.execute(statement, values).rowcount


def _key(number: int, sequence: int) -> int:
    return number << SEQUENCE_BITS | sequence


def _sequence(key: int) -> int:
    return key & MAX_SEQUENCE


def _stream(row: tuple[int, str, str, int, int]) -> Stream:
    number, stream, kind, last_sequence, is_open = row
    return Stream(number=number, stream=stream, kind=Kind(kind), last_sequence=last_sequence, is_open=bool(is_open))
