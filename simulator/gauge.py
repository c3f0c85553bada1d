"""A water gauge on a Modbus line, as a stop's agent reads it: an underpass that fills and empties."""

import os
import pty
import select
import struct
import threading
import time
import tty
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edge_agent.sources.modbus_frames import crc_of

UNIT: Final = 1
ADDRESS: Final = 4
SCALE: Final = 0.001  # millimetres
FLOODED_FROM_M: Final = 0.15
_REQUEST_BYTES: Final = 8
# Seconds and metres; between them the level changes evenly. Then it begins again.
_COURSE: Final = ((0.0, 0.02), (15.0, 0.02), (25.0, 0.35), (60.0, 0.35), (75.0, 0.02), (150.0, 0.02))


def level_m(elapsed_s: float) -> float:
    """The water over the road, so long after the beginning."""
    at_s = elapsed_s % _COURSE[-1][0]
    for (from_s, low), (to_s, high) in pairwise(_COURSE):
        if at_s <= to_s:
            return low + (high - low) * (at_s - from_s) / (to_s - from_s)
    return _COURSE[-1][1]


def floods_within(elapsed_s: float) -> list[tuple[float, float]]:
    """From when to when the road was flooded, in seconds; the last may not be over."""
    step_s, found = 0.1, list[tuple[float, float]]()
    begun: float | None = None
    for number in range(int(elapsed_s / step_s) + 1):
        at_s = number * step_s
        is_flooded = level_m(at_s) >= FLOODED_FROM_M
        if is_flooded and begun is None:
            begun = at_s
        elif not is_flooded and begun is not None:
            found.append((begun, at_s))
            begun = None
    return found if begun is None else [*found, (begun, elapsed_s)]


class Gauge:
    """Answers on a pseudo terminal; the water begins to move with `begin`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun_s: float | None = None
        self.begun_at: datetime | None = None

    def __enter__(self) -> Self:
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.port = Path(os.ttyname(self._theirs))
        self._stopped, self._stop = os.pipe()  # the agent may hold the port open, so that no read of ours ends
        self._thread = threading.Thread(target=self._serve, name="gauge", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._stop)
        self._thread.join()
        for end in (self._stopped, self._theirs, self._ours):
            os.close(end)

    def begin(self) -> None:
        """Let it rain."""
        self._begun_s, self.begun_at = self._clock(), datetime.now(UTC)

    def _serve(self) -> None:
        waiting = b""
        while True:
            ready, _, _ = select.select((self._ours, self._stopped), (), ())
            if self._stopped in ready:
                return
            waiting += os.read(self._ours, 256)
            while len(waiting) >= _REQUEST_BYTES:
                request, waiting = waiting[:_REQUEST_BYTES], waiting[_REQUEST_BYTES:]
                if request[0] == UNIT and crc_of(request[:-2]) == request[-2:]:
                    os.write(self._ours, self._answer())

    def _answer(self) -> bytes:
        elapsed_s = 0.0 if self._begun_s is None else self._clock() - self._begun_s
        content = struct.pack(">BBBh", UNIT, 3, 2, round(level_m(elapsed_s) / SCALE))
        return content + crc_of(content)
