"""The cloud's processes as children that are started again when they die."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from busense.errors import StartError
from busense.local.processes import Program, ending_with_us

MAX_RESTARTS: Final = 5


def busense_command(*arguments: str) -> list[str]:
    """Command line of a child that is this same program."""
    return ending_with_us([sys.executable, "-m", "busense", *arguments])


class Service:
    """One child that must always run."""

    def __init__(self, name: str, arguments: Sequence[str], *, log_file: Path, env: Mapping[str, str]) -> None:
        """Prepare it; `start` runs it."""
        self.name = name
        self.restarts = 0
        self._program = Program(name, busense_command(*arguments), log=log_file, env={**os.environ, **env})

    @property
    def pid(self) -> int | None:
        return self._program.pid

    @property
    def is_running(self) -> bool:
        return self._program.is_running

    def start(self) -> None:
        self._program.start()

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait for readiness.

        Raises:
            StartError: it ended or was not ready in time; with the end of its log.
        """
        self._program.wait_until(is_ready, timeout_s=timeout_s)

    def has_logged(self, words: str) -> bool:
        """Whether the log holds some words."""
        return self._program.log.exists() and words in self._program.log.read_text(errors="replace")

    def log_tail(self) -> str:
        return self._program.log_tail()

    def revive(self) -> bool:
        """Start it again if it died; whether it had.

        Raises:
            StartError: it dies again and again.
        """
        if self._program.is_running:
            return False
        if self.restarts >= MAX_RESTARTS:
            raise StartError(
                f"{self.name} died {self.restarts + 1} times; its log ends with:\n{self._program.log_tail()}"
            )
        self.restarts += 1
        self._program.start()
        return True

    def stop(self) -> None:
        """Ask it to end; by force when it does not."""
        self._program.stop(with_signal=signal.SIGTERM, timeout_s=8.0)
