"""The slots on a real disk: killed and frozen at any instant, and what reaches the disk before it counts."""

import fcntl
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.updates.slots import Slots
from tests.integration.generation_writer import version_of
from tests.waiting import wait_until

WRITER = "tests.integration.generation_writer"
ROOT = Path(__file__).parents[2]
KILLS = 8
INSTANTS = 60


def good(version: int) -> int:
    """The version that is in use when this one is settled: each third one falls back to the one before."""
    return version - (version % 3 == 0)


class Writer:
    """A process that takes one version after the other; what it said is the truth."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", WRITER, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": "."},
        )
        self.said: list[tuple[str, int]] = []
        self._hearing = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        pipe, rest = self._pipe, b""
        while select.select([pipe], [], [])[0]:
            with self._hearing:
                chunk = os.read(pipe, 65_536)
                *lines, rest = (rest + chunk).split(b"\n")
                self.said += [(word.decode(), int(number)) for word, number in map(bytes.split, lines)]
            if not chunk:
                return

    @property
    def _pipe(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def has_been_heard(self) -> bool:
        """Whether all that it said until now is in `said`."""
        with self._hearing:
            return fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)) == bytes(4)

    def last(self, word: str) -> int:
        return max((number for said, number in list(self.said) if said == word), default=0)

    def kill(self) -> None:
        """End it as a power cut would, and hear all that it still said."""
        self.process.kill()
        self._reader.join(10)
        self.process.wait()


@contextmanager
def writing(folder: Path) -> Generator[Writer]:
    writer = Writer(folder)
    try:
        wait_until(lambda: writer.last("begins") or writer.process.poll() is not None, 60)
        yield writer
    finally:
        writer.kill()
        _, complaints = writer.process.communicate()
    assert b"Error" not in complaints


def somewhere(writer: Writer, chance: random.Random) -> None:
    """Wait for an instant anywhere in one of the next versions."""
    wanted = writer.last("begins") + chance.randint(1, 4)
    wait_until(lambda: writer.last("begins") >= wanted, 60)
    threading.Event().wait(chance.random() * 0.03)


def test_one_whole_generation_is_in_use_after_a_kill_at_any_instant(tmp_path: Path) -> None:
    chance = random.Random(1)
    settled, begun = 0, 0
    for _ in range(KILLS):
        with writing(tmp_path) as writer:
            uses = writer.last("uses")
            assert uses in {good(version) for version in range(settled, begun + 1)} | {begun}
            assert uses > 0 or begun == 0
            somewhere(writer, chance)
            writer.kill()
        settled, begun = writer.last("settles"), writer.last("begins")
    assert begun > KILLS


def test_a_snapshot_at_any_instant_holds_one_whole_generation(tmp_path: Path) -> None:
    chance = random.Random(2)
    home = tmp_path / "home"
    tried = 0
    with writing(home) as writer:
        for instant in range(INSTANTS):
            somewhere(writer, chance)
            settled = writer.last("settles")
            writer.process.send_signal(signal.SIGSTOP)
            snapshot = tmp_path / f"snapshot-{instant}"
            shutil.copytree(home, snapshot)
            wait_until(writer.has_been_heard, 60)
            begun = writer.last("begins") + 1  # it may have begun one of which it had not told yet
            writer.process.send_signal(signal.SIGCONT)
            slots = Slots(snapshot)
            tried += slots.state.trial is not None
            in_use = version_of(slots.start())
            assert good(settled) <= in_use <= begun
            assert slots.report.version >= settled
            assert slots.report.problem in {None, "every third one"}
            shutil.rmtree(snapshot)
    assert tried > 0


def test_all_of_a_generation_has_reached_the_disk_before_it_is_in_use(tmp_path: Path) -> None:
    """Between the writing of a file and the rename that makes it count, it and the folders are forced to the disk."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: skipped the order of writes and syncs")
    trace, folder = tmp_path / "trace", tmp_path / "updates"
    calls = "trace=openat,write,fsync,rename,mkdir,unlink"
    command = [strace, "-f", "-y", "-e", calls, "-o", str(trace), sys.executable, "-m", WRITER, str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": "."}, start_new_session=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(12)]
        process.terminate()
    if not all(said):
        pytest.skip("strace may not trace here: skipped the order of writes and syncs")
    unsynced: set[Unsynced] = set()
    switches = 0
    for line in trace.read_text().splitlines():
        if f'rename("{folder}/state.json' in line:
            assert unsynced == {("name", folder / "state.json.draft")}, line
            unsynced.clear()
            switches += 1
        unsynced = after(line, unsynced, tmp_path)
        if "write(1<" in line and ("settles" in line or "tries" in line):
            assert not unsynced, line
    assert switches >= 6


Unsynced = tuple[str, Path]  # content or name of a file or folder


def after(line: str, unsynced: set[Unsynced], top: Path) -> set[Unsynced]:
    """What a power cut could take back after this call."""
    call = re.match(r"\d+ +(openat|rename|mkdir|write|fsync)\(", line)
    name = call and re.search(r"<([^>]+)>" if call[1] in {"write", "fsync"} else r'"([^"]+)"[^"]*$', line)
    if call is None or name is None or not Path(name[1]).is_relative_to(top):
        return unsynced
    path = Path(name[1])
    match call[1]:
        case "fsync":
            return {(what, each) for what, each in unsynced if (each.parent if what == "name" else each) != path}
        case "write":
            return unsynced | {("content", path)}
        case "openat" if "O_CREAT" not in line:
            return unsynced
        case _:
            return unsynced | {("name", path)}
