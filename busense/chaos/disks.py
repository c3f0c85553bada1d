"""The disks of the buses: full for a while, or with a page torn in the outbox's file."""

import contextlib
import random
import resource
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.store import PAGE_BYTES

_PLENTY_BYTES: Final = 1 << 30


def fill(pid: int | None) -> None:
    """From now on the process, if there is one, can write to no file: as on a full disk, but to it alone."""
    _limit(pid, 0)


def empty(pid: int | None) -> None:
    """It can write again."""
    _limit(pid, None)


def tear_page(outbox: Path, chance: random.Random) -> None:
    """Overwrite a page of a file that nobody has open; the outbox then sets the file aside and begins a new one."""
    with closing(sqlite3.connect(outbox)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with outbox.open("r+b") as file:
        file.seek(chance.randrange(outbox.stat().st_size // PAGE_BYTES) * PAGE_BYTES)
        file.write(chance.randbytes(PAGE_BYTES))
    begun = Outbox(outbox, source="", max_bytes=_PLENTY_BYTES, now=lambda: datetime.now(UTC))
    begun.close()


def _limit(pid: int | None, size_bytes: int | None) -> None:
    if pid is None:  # to the system a 0 would be ourselves
        return
    with contextlib.suppress(ProcessLookupError):
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if size_bytes is None else size_bytes, most))
