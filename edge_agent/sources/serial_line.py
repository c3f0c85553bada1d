"""A serial port of Linux, set up by termios: eight bits, no flow control, nothing translated."""

import os
import select
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeVar

from edge_agent.errors import SourceError

Parity = Literal["none", "even", "odd"]
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
Found = TypeVar("Found")

MAX_BYTES: Final = 1024  # of an answer, noise and all
_SPEEDS: Final[dict[int, int]] = {
    baud: getattr(termios, f"B{baud}") for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
_PARITIES: Final[dict[Parity, int]] = {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}


class SerialLine:
    """One port, open while the block runs."""

    def __init__(self, port: Path, *, baud: Baud, parity: Parity, stop_bits: Literal[1, 2]) -> None:
        self._port = port
        self._speed = _SPEEDS[baud]
        self._flags = termios.CS8 | termios.CREAD | termios.CLOCAL | _PARITIES[parity]
        self._flags |= termios.CSTOPB if stop_bits == 2 else 0  # noqa: PLR2004
        self._file = -1

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            SourceError: it is not there, or no serial port.
        """
        try:
            self._file = os.open(self._port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise SourceError(f"{self._port}: {error}") from error
        try:
            control = termios.tcgetattr(self._file)[6]
            termios.tcsetattr(self._file, termios.TCSANOW, [0, 0, self._flags, 0, self._speed, self._speed, control])
        except termios.error as error:
            os.close(self._file)
            raise SourceError(f"{self._port} cannot be set up: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)

    def ask(self, request: bytes, find: Callable[[bytes], Found | None], *, timeout_s: float) -> Found:
        """Send, and give what `find` finds in the bytes that have come so far.

        Raises:
            SourceError: it found nothing in time, or the port is gone.
        """
        try:
            termios.tcflush(self._file, termios.TCIOFLUSH)  # what was left of an answer that came too late
            os.write(self._file, request)
            return self._listen(find, until_s=time.monotonic() + timeout_s)
        except (OSError, termios.error) as error:
            raise SourceError(f"{self._port}: {error}") from error

    def _listen(self, find: Callable[[bytes], Found | None], *, until_s: float) -> Found:
        received = b""
        while (left_s := until_s - time.monotonic()) > 0 and len(received) < MAX_BYTES:
            if not select.select([self._file], [], [], left_s)[0]:
                break
            piece = os.read(self._file, MAX_BYTES)
            if not piece:
                raise SourceError(f"{self._port} has hung up")
            received += piece
            if (found := find(received)) is not None:
                return found
        raise SourceError(f"{self._port}: no whole answer in time; {len(received)} bytes came")
