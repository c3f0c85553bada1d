"""Measured from outside: how long the town takes to get over a fault, and how much memory each process holds."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection

from busense.chaos.plan import Fault

LOOK_EVERY_S: Final = 0.25
# All is well again when what came after the fault is stored, and nothing of before waits for the worker.
_STATE: Final = """
SELECT (SELECT max(last_seen_at) FROM devices), (SELECT min(queued_at) FROM fusion_queue)
"""


@dataclass(slots=True, kw_only=True)
class Recovery:
    """A fault that is over, until the town is over it too."""

    fault: Fault
    healed_at: datetime
    healed_s: float
    seconds: float | None = None


@dataclass(slots=True, kw_only=True)
class RecoveryWatch:
    """Looks into the database, past all links."""

    database_url: str
    serves: Callable[[], bool]
    recoveries: list[Recovery] = field(default_factory=list[Recovery])
    _connection: Connection[Any] | None = None
    _looked_s: float = 0.0

    @property
    def open(self) -> int:
        """Faults that the town is not over yet."""
        return sum(recovery.seconds is None for recovery in self.recoveries)

    def note_healed(self, fault: Fault) -> None:
        """The fault is over."""
        self.recoveries.append(Recovery(fault=fault, healed_at=datetime.now(UTC), healed_s=time.monotonic()))

    def look(self) -> None:
        """See which faults the town is over."""
        now_s = time.monotonic()
        waiting = [recovery for recovery in self.recoveries if recovery.seconds is None]
        if not waiting or now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        seen_at, queued_at = self._state()
        if seen_at is None or not self.serves():
            return
        for recovery in waiting:
            if seen_at > recovery.healed_at and (queued_at is None or queued_at > recovery.healed_at):
                recovery.seconds = now_s - recovery.healed_s

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _state(self) -> tuple[datetime | None, datetime | None]:
        try:
            if self._connection is None or self._connection.closed:
                options = "-c statement_timeout=500 -c timezone=UTC"
                self._connection = psycopg.connect(
                    self.database_url, autocommit=True, connect_timeout=2, options=options
                )
            row = self._connection.execute(_STATE).fetchone()
        except psycopg.Error:
            with contextlib.suppress(psycopg.Error):
                self.close()
            self._connection = None
            return None, None
        return row or (None, None)


class MemoryWatch:
    """The most that each process ever held; a server of several processes counts by its largest one."""

    def __init__(self) -> None:
        self.peak_mb: dict[str, float] = {}

    def look(self, pids: Mapping[str, int]) -> None:
        """Note it; a process that is gone has said what it had to say."""
        for name, pid in pids.items():
            held = max((peak_memory_mb(each) for each in tree(pid)), default=0.0)
            self.peak_mb[name] = max(held, self.peak_mb.get(name, 0.0))


def tree(pid: int | None) -> list[int]:
    """A process, if there is one, and its children, parents first."""
    parents = dict(_parents())
    frontier = [] if pid is None else [pid]
    found = [*frontier]
    while frontier:
        frontier = [child for child, parent in parents.items() if parent in frontier]
        found += frontier
    return found


def peak_memory_mb(pid: int) -> float:
    """The most that a process ever held; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _parents() -> Iterable[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])
