"""HTTP/1.1 with a limit on how long a connection may take to say what it wants (slow headers tie up a server)."""

import asyncio
from typing import Final

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN_S: Final = 15.0


class PatientProtocol(H11Protocol):
    """Closes a connection whose next request has not begun in time; an answer may take as long as it likes."""

    _waiting: asyncio.TimerHandle | None = None
    headers_within_s: float = HEADERS_WITHIN_S

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._wait()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_asked:
            self._stop_waiting()
        elif self._waiting is None:
            self._wait()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _is_asked(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.headers_within_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if not self._is_asked and not self.transport.is_closing():
            self.transport.close()
