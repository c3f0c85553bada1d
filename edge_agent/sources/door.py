"""A door's contact at a digital input, as the Linux kernel shows it: a file that reads 0 or 1.

Source: Documentation/admin-guide/gpio/sysfs.rst of the Linux kernel (`/sys/class/gpio/gpio17/value`).
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.config import Door
from edge_agent.errors import SourceError
from edge_agent.readings import DoorReading, Reading
from edge_agent.sources.reopen import reopen_for_ever

EVERY_S: Final = 0.25
_MAX_BYTES: Final = 8


class DoorSource:
    """Reads the contact so often, and looks for it again when it is lost."""

    is_live = True

    def __init__(
        self, settings: Door, *, now: Callable[[], datetime], wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._now = now
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        return reopen_for_ever(self._contact, source=f"door {self._settings.file}", wait=self._wait)

    def _contact(self) -> Iterator[DoorReading]:
        while True:
            yield DoorReading(at=self._now(), is_open=_read(self._settings.file) == self._settings.open_reads)
            self._wait(EVERY_S)


def _read(file: Path) -> int:
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            text = opened.read(_MAX_BYTES).strip()
    except OSError as error:
        raise SourceError(f"{file}: {error}") from error
    if text not in {"0", "1"}:
        raise SourceError(f"{file} reads {text!r}; 0 or 1 is expected")
    return int(text)
