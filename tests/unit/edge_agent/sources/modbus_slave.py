"""A sensor on a pseudo terminal that speaks Modbus RTU as the specification has it, on a line with troubles."""

import os
import pty
import struct
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.sources.modbus_frames import crc_of

REQUEST_BYTES = 8


@dataclass
class Slave:
    """One device; `trouble` changes each answer on its way, the number of the answer comes with it."""

    unit: int = 1
    holding: dict[int, int] = field(default_factory=dict[int, int])
    input: dict[int, int] = field(default_factory=dict[int, int])
    trouble: Callable[[int, bytes], bytes] = lambda _number, answer: answer
    answers: int = 0

    def __enter__(self) -> Self:
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.port = Path(os.ttyname(self._theirs))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._theirs)
        self._thread.join()
        os.close(self._ours)

    def _serve(self) -> None:
        waiting = b""
        while True:
            try:
                waiting += os.read(self._ours, 256)
            except OSError:  # nobody has the other side open any more
                return
            while len(waiting) >= REQUEST_BYTES:
                request, waiting = waiting[:REQUEST_BYTES], waiting[REQUEST_BYTES:]
                if request[0] == self.unit and crc_of(request[:-2]) == request[-2:]:
                    self.answers += 1
                    os.write(self._ours, self.trouble(self.answers, self._answer(request)))

    def _answer(self, request: bytes) -> bytes:
        _, function, first, count = struct.unpack(">BBHH", request[:6])
        registers = {3: self.holding, 4: self.input}.get(function)
        if registers is None:
            return self._framed(bytes((function | 0x80, 1)))
        wanted = range(first, first + count)
        if not all(number in registers for number in wanted):
            return self._framed(bytes((function | 0x80, 2)))
        words = b"".join(struct.pack(">H", registers[number]) for number in wanted)
        return self._framed(bytes((function, len(words))) + words)

    def _framed(self, content: bytes) -> bytes:
        frame = bytes((self.unit,)) + content
        return frame + crc_of(frame)
