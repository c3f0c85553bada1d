import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from busense.local.processes import Program, free_port, run_to_end
from tests.waiting import wait_until

# A program that starts another one, tells its number and goes on for a minute.
PARENT = "sleep 60 & echo $! > pid.new && mv pid.new pid && wait"
# A job that a shell put into the background inherits an ignored interrupt: the runner takes it all the same.
RUNNER = f"""
import signal
from busense.local.processes import run_to_end
signal.signal(signal.SIGINT, signal.default_int_handler)
run_to_end(["sh", "-c", {PARENT!r}])
"""


def test_output_and_exit_code_come_back() -> None:
    result = run_to_end(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.returncode, result.stdout) == (3, "out\nerr\n")


def test_an_interrupted_program_leaves_no_child_behind(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE
    )
    pid = int(wait_until(lambda: _read(tmp_path / "pid")))
    runner.send_signal(signal.SIGINT)
    _, complaint = runner.communicate(timeout=20)
    assert b"KeyboardInterrupt" in complaint
    wait_until(lambda: _state(pid) in {"", "Z"})


def test_no_outgoing_connection_takes_a_port_that_was_called_free_and_none_is_given_twice() -> None:
    range_of_linux = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first_of_outgoing = int(range_of_linux.read_text().split()[0]) if range_of_linux.exists() else 32_768
    ports = [free_port() for _ in range(500)]
    assert max(ports) < first_of_outgoing
    assert len(set(ports)) == len(ports)


def test_a_port_that_somebody_has_is_left_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port() + 1))
        assert free_port() != taken.getsockname()[1]


def test_the_end_of_a_log_is_told_whatever_its_length(tmp_path: Path) -> None:
    program = Program("a program", ["true"], log=tmp_path / "log")
    assert program.log_tail() == "(no log)"
    for size, told in ((0, ""), (10, "x" * 9 + "!"), (100_000, "x" * 1999 + "!")):
        program.log.write_text(("x" * size)[:-1] + "!" * bool(size))
        assert program.log_tail() == told


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _state(pid: int) -> str:
    """State letter of a process; a zombie waits for its parent only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
