"""What can still be read of a damaged outbox: by its tables as far as they go, then by the look of the bytes."""

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from edge_agent.uplink.database import MAX_SEQUENCE, TABLE_OF_KIND
from wire.codec import decode_envelope
from wire.envelope import MAX_MESSAGE_BYTES, Envelope
from wire.errors import DecodeError
from wire.messages import Kind
from wire.units import EventId

_BEGIN: Final = re.compile(rb'\{"specversion":"1\.0","id":"')
_LARGEST_STEP: Final = 1 << 48  # beyond every key
_PIECE_BYTES: Final = 1 << 20
_SECTOR_BYTES: Final = 4096  # of a disk: what is lost with one that cannot be read
_DECODER: Final = json.JSONDecoder()
_STREAM: Final = TypeAdapter(tuple[EventId, Kind, Annotated[int, Field(ge=0, le=MAX_SEQUENCE)]])

Salvaged = tuple[Envelope, bytes]


def salvage(path: Path) -> Iterator[Salvaged]:
    """Yield every message that can be read; some come twice, some may have left long ago. The file is not changed."""
    for table in TABLE_OF_KIND.values() if path.exists() else ():
        yield from _of_table(path, table)
    for part in (path, path.with_name(f"{path.name}-wal")):
        yield from _of_bytes(part)


def last_sequences(path: Path) -> dict[tuple[str, str], int]:
    """Last number of each stream and kind, as far as the file tells."""
    if not path.exists():
        return {}
    try:
        with closing(_open(path)) as database:
            rows = database.execute("SELECT stream, kind, last_sequence FROM streams").fetchall()
    except sqlite3.DatabaseError:
        return {}
    return dict(_known(rows))


def _known(rows: Iterable[object]) -> Iterator[tuple[tuple[str, str], int]]:
    """Leave out what cannot be: of a damaged file any byte may be another, a newer program numbers more kinds."""
    for row in rows:
        with suppress(ValidationError):
            stream, kind, last = _STREAM.validate_python(row)
            if kind in TABLE_OF_KIND:
                yield (stream, kind.value), last


def _open(path: Path) -> sqlite3.Connection:
    """Open it so that nothing is written, not even by taking in its log; that is looked through afterwards."""
    return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)


def _of_table(path: Path, table: str) -> Iterator[Salvaged]:
    """Walk through a table and step over what cannot be read, further each time."""
    try:
        database = _open(path)
    except sqlite3.DatabaseError:  # its first sector cannot be read
        return
    query = f"SELECT key, payload FROM {table} WHERE key > ? ORDER BY key"  # noqa: S608 - a constant name
    with closing(database):
        after, step = 0, 1
        while step < _LARGEST_STEP:
            try:
                for after, payload in database.execute(query, (after,)):  # noqa: B007, B020 - where the walk goes on
                    step = 1
                    yield from _read(payload)
            except sqlite3.DatabaseError:
                after, step = after + step, 2 * step
            else:
                return


def _of_bytes(path: Path) -> Iterator[Salvaged]:
    """Find messages that lie in one piece, wherever: in a torn page, in the log, in a file that is no database."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for offset in range(0, path.stat().st_size, _PIECE_BYTES):
            content = _part(file.fileno(), offset, _PIECE_BYTES + MAX_MESSAGE_BYTES)
            for match in _BEGIN.finditer(content):
                if match.start() < _PIECE_BYTES:  # others are found again in the next piece, whole
                    yield from _at(content, match.start())


def _part(file: int, offset: int, size: int) -> bytes:
    """Bytes of a file, at its end fewer; noughts for sectors that the disk does not give any more.

    Not by a map in memory: there, such a sector ends the process.
    """
    content = bytearray()
    while len(content) < size:
        at = offset + len(content)
        try:
            some = os.pread(file, size - len(content), at)
        except OSError:
            some = bytes(_SECTOR_BYTES - at % _SECTOR_BYTES)
        if not some:
            break
        content += some
    return bytes(content[:size])


def _at(content: bytes, start: int) -> Iterator[Salvaged]:
    text = content[start : start + MAX_MESSAGE_BYTES].decode("latin-1")  # a byte, a letter
    try:
        _, length = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return
    yield from _read(text[:length].encode("latin-1"))


def _read(payload: object) -> Iterator[Salvaged]:
    if not isinstance(payload, bytes):
        return
    try:
        envelope = decode_envelope(payload)
    except DecodeError:
        return
    if envelope.stream is not None and envelope.sequence is not None:
        yield envelope, payload
