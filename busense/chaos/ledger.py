"""What the buses really kept: written by SQLite itself in the very transaction in which an outbox keeps a message."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent.uplink.store import TABLE_OF_KIND

_LEDGER: Final = "CREATE TABLE IF NOT EXISTS ledger (id TEXT, stream TEXT, sequence INTEGER, type TEXT)"
_TRIGGER: Final = """
CREATE TRIGGER IF NOT EXISTS keep_{table} AFTER INSERT ON {table} BEGIN
    INSERT INTO ledger
    SELECT document ->> '$.id', document ->> '$.stream', document ->> '$.sequence',
        document ->> '$.type'
    FROM (SELECT CAST(NEW.payload AS TEXT) AS document);
END
"""
_READ: Final = "SELECT id, stream, sequence, type FROM ledger"

Key = tuple[str, str]
"""Device and id of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message that a bus had on its disk."""

    device: str
    id: str
    stream: str
    sequence: int
    type: str  # of CloudEvents

    @property
    def key(self) -> Key:
        return self.device, self.id


def begin_ledger(outbox: Path) -> None:
    """From now on each message that this outbox keeps is noted, for ever."""
    with closing(sqlite3.connect(outbox)) as connection:
        connection.execute(_LEDGER)
        for table in TABLE_OF_KIND.values():
            connection.execute(_TRIGGER.format(table=table))


def read_ledgers(outboxes: Iterable[Path]) -> list[Kept]:
    """All that was kept; an outbox lies in a folder of its device's name."""
    return [
        Kept(device=outbox.parent.name, id=row[0], stream=row[1], sequence=row[2], type=row[3])
        for outbox in outboxes
        for row in _rows(outbox, _READ)
    ]


def read_waiting(outboxes: Iterable[Path]) -> set[Key]:
    """Messages without a receipt."""
    statements = [f"SELECT CAST(payload AS TEXT) ->> '$.id' FROM {table}" for table in TABLE_OF_KIND.values()]  # noqa: S608
    return {
        (outbox.parent.name, row[0])
        for outbox in outboxes
        for statement in statements
        for row in _rows(outbox, statement)
    }


def read_pictures(outboxes: Iterable[Path]) -> set[str]:
    """Hashes of pictures that are not sent."""
    return {sha256 for outbox in outboxes for (sha256,) in _rows(outbox, "SELECT sha256 FROM pictures")}


def count_damaged(outboxes: Iterable[Path]) -> int:
    """Files that were set aside and are not salvaged yet."""
    return sum(1 for outbox in outboxes for _ in outbox.parent.glob(f"{outbox.name}.damaged-*"))


def _rows(outbox: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{outbox.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(statement).fetchall()
