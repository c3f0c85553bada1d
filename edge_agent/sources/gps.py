"""A GNSS receiver: NMEA from a serial device, a TCP port, or gpsd."""

import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from edge_agent.errors import SourceError
from edge_agent.readings import Reading
from edge_agent.sources.nmea import NmeaReader
from edge_agent.sources.reopen import reopen_for_ever

MAX_LINE_BYTES: Final = 256  # NMEA allows 82; proprietary sentences are longer
SILENT_S: Final = 10.0
_GPSD_PORT: Final = 2947
_GPSD_WATCH: Final = b'?WATCH={"enable":true,"nmea":true};\n'


class GpsSource:
    """Reads for ever and opens the receiver again when it is lost.

    `address` is a device file (its speed is set by the system, `stty -F /dev/ttyUSB0 9600 raw`), tcp://host:port or
    gpsd://host:port. `hear` is told each time of a fix when it comes, and answers what it really is.
    """

    is_live = True

    def __init__(
        self, address: str, *, hear: Callable[[datetime], datetime], wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._address = address
        self._hear = hear
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        return reopen_for_ever(self._fixes, source=f"receiver {self._address}", wait=self._wait)

    def _fixes(self) -> Iterator[Reading]:
        reader = NmeaReader()
        try:
            with _opened(self._address) as stream:
                while line := stream.readline(MAX_LINE_BYTES):
                    fix = reader.read(line.decode("ascii", errors="replace"))
                    if fix is not None:
                        yield replace(fix, at=self._hear(fix.at))
        except OSError as error:
            raise SourceError(f"{self._address}: {error}") from error


@contextmanager
def _opened(address: str) -> Generator[IO[bytes]]:
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "gpsd"}:
        with Path(address).open("rb", buffering=0) as device:
            yield device
        return
    host, port = parts.hostname or "localhost", parts.port or _GPSD_PORT
    with socket.create_connection((host, port), timeout=SILENT_S) as connection:
        if parts.scheme == "gpsd":
            connection.sendall(_GPSD_WATCH)
        with connection.makefile("rb") as stream:
            yield stream
