"""Start a program, wait until it is ready, end it; a child never outlives us."""

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from busense.errors import StartError

_POLL_S = 0.02
_LOG_TAIL_BYTES = 2000
# Below those that Linux gives to outgoing connections: nobody's connection takes one before its server listens.
_SERVER_PORTS = range(12_000, 32_000)
# Each process goes on from a place of its own, so that two seldom want the same port.
_begin = secrets.randbelow(len(_SERVER_PORTS))
_next_ports = itertools.cycle([*_SERVER_PORTS[_begin:], *_SERVER_PORTS[:_begin]])


def free_port() -> int:
    """A port of the loopback address that nobody has just now, and that this process gave to nobody else lately."""
    for port in itertools.islice(_next_ports, len(_SERVER_PORTS)):
        if is_free(port):
            return port
    raise StartError(f"no port from {_SERVER_PORTS.start} to {_SERVER_PORTS.stop - 1} is free; end what listens there")


def is_free(port: int) -> bool:
    """Whether a server of ours may listen on a port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ended connections do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def ending_with_us(command: Sequence[str]) -> list[str]:
    """Wrap a command so that the kernel ends it when the thread that starts it ends, however that happens."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else list(command)


def run_to_end(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program that ends by itself; when we are interrupted, it and all that it started are gone first."""
    process = None
    try:
        with _uninterrupted():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        output, _ = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output)
    finally:
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()  # until the last of them has let go of the pipe


@contextmanager
def _uninterrupted() -> Generator[None]:
    """Let signals wait until a child that begins is known: nobody else could end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Program:
    """One running program with its log file."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = dict(env) if env is not None else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; output goes to the log file. Call it from a thread that lives as long as the program."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env, start_new_session=True
            )

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait for readiness.

        Raises:
            StartError: it ended, or was not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_running:
                raise StartError(f"{self.name} ended while starting; its log ends with:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self.name} is not ready after {timeout_s:.0f} s; its log ends with:\n{self.log_tail()}"
                )
            time.sleep(_POLL_S)

    def stop(self, *, with_signal: signal.Signals = signal.SIGTERM, timeout_s: float = 15.0) -> None:
        """Ask it to end, and end it by force when it does not."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(with_signal)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """Last lines of the log."""
        if not self.log.exists():
            return "(no log)"
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")


def accepts_connections(port: int) -> bool:
    """Whether something on this machine listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_root() -> bool:
    """Whether we are user 0, whom PostgreSQL refuses."""
    return os.geteuid() == 0


class LocalServer:
    """A server of this machine, which runs once it was started."""

    _program: Program | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the server."""
        return self._program.pid if self._program is not None else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._program is not None and self._program.is_running

    def log_tail(self) -> str:
        """Last lines of the server's log."""
        return self._program.log_tail() if self._program is not None else "(not started)"

    def stop(self) -> None:
        """End it in order; open sessions are cut."""
        if self._program is not None:
            self._program.stop(with_signal=signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._program is not None:
            self._program.kill()
