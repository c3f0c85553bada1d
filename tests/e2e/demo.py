"""A demo as a subprocess, as a user would start it."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from busense.local.processes import free_port
from tests.waiting import wait_until


class RunningDemo:
    """Reads what the demo prints while it runs."""

    def __init__(self, *options: str, temporary: Path) -> None:
        environment = {**os.environ, "TMPDIR": str(temporary), "COLUMNS": "160"}
        environment.pop("BUSENSE_CONFIG", None)
        self.temporary = temporary
        self.process = subprocess.Popen(
            [sys.executable, "-m", "busense", "demo", "--port", str(free_port()), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def line_with(self, words: str, *, timeout_s: float) -> str:
        """First line that holds the words, as soon as it is there."""

        def find() -> str | None:
            found = next((line for line in list(self.lines) if words in line), None)
            assert found or self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.text}"
            return found

        line = wait_until(find, timeout_s)
        assert line is not None
        return line

    def url(self) -> str:
        return self.line_with("The page:", timeout_s=60).split()[2]

    def pids(self) -> dict[str, int]:
        """Process ids of its children, once the buses drive."""
        return json.loads(self.line_with("processes:", timeout_s=60).partition(":")[2])

    def wait(self, timeout_s: float) -> int:
        """Exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def leftovers(self) -> list[str]:
        """Folders that it forgot."""
        return [path.name for path in self.temporary.iterdir()]


@contextmanager
def running_demo(*options: str) -> Generator[RunningDemo]:
    """Start a demo; it is ended by force when the test fails."""
    with tempfile.TemporaryDirectory() as temporary:
        demo = RunningDemo(*options, temporary=Path(temporary))
        try:
            yield demo
        finally:
            if demo.process.poll() is None:
                demo.process.terminate()
                try:
                    demo.wait(30)
                except subprocess.TimeoutExpired:
                    demo.process.kill()
                    demo.wait(10)


def is_alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def read_summary(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def assert_nothing_lost(summary: dict[str, Any]) -> None:
    counts = {name: summary[name] for name in ("lost", "duplicates")}
    if counts != {"lost": 0, "duplicates": 0}:
        pytest.fail(f"lost or stored twice: {summary}")
