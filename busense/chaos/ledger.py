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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One message that a bus had on its disk."""

    device: str
    id: str
    stream: str
    sequence: int
    type: str  # of CloudEvents


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


def count_waiting(outboxes: Iterable[Path]) -> int:
    """Messages without a receipt, and pictures that are not sent."""
    tables = (*TABLE_OF_KIND.values(), "pictures")
    counts = [f"SELECT count(*) FROM {table}" for table in tables]  # noqa: S608 - names of our own
    return sum(count for outbox in outboxes for statement in counts for (count,) in _rows(outbox, statement))


def _rows(outbox: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{outbox.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(statement).fetchall()
