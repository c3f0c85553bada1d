"""Processes that stand still for a while."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self


class Halts:
    """Processes that were stopped; all of them go on when it ends.

    One that nobody lets go on hears no request to end, and PostgreSQL's children would outlive us.
    """

    def __init__(self) -> None:
        self._halted: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go_on(self._halted)

    def halt(self, pids: Iterable[int]) -> Callable[[], None]:
        """Stop processes; what it returns lets them go on."""
        halted = list(pids)
        self._halted.update(halted)  # before they are: an interruption at any instant finds them
        for pid in halted:
            _signal(pid, signal.SIGSTOP)
        return lambda: self._let_go_on(halted)

    def _let_go_on(self, pids: Iterable[int]) -> None:
        for pid in list(pids):
            _signal(pid, signal.SIGCONT)
            self._halted.discard(pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
