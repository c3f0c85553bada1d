"""The outbox on a real disk: frozen at any instant, killed, full, read-only, and what reaches the disk when."""

import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.uplink.outbox import Outbox
from tests.waiting import wait_until

WRITER = Path(__file__).with_name("outbox_writer.py")
ROOT = Path(__file__).parents[2]
INSTANTS = 25
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Writer:
    """A process that fills an outbox; what it said is the truth."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WRITER), str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": "."},
        )
        self.kept: list[int] = []
        self.left = 0  # all up to here may be gone
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("-"):
                self.left = -int(line)
            elif line.endswith("\n"):
                self.kept.append(int(line))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def writing(path: Path) -> Generator[Writer]:
    writer = Writer(path)
    try:
        wait_until(lambda: writer.kept, 30)
        yield writer
    finally:
        writer.kill()


def kept_numbers(path: Path) -> list[int]:
    box = Outbox(path, source="/testcity/bus-1", max_bytes=10_000_000, now=lambda: NOW)
    assert box.damages == 0
    box.begin_session()
    numbers = sorted(message.sequence for message in box.next_to_send(1_000_000))
    box.close()
    return numbers


def test_a_snapshot_of_its_files_at_any_instant_holds_everything_that_was_kept(tmp_path: Path) -> None:
    chance = random.Random(1)
    path = tmp_path / "outbox.db"
    with writing(path) as writer:
        for instant in range(INSTANTS):
            wanted = len(writer.kept) + chance.randint(1, 40)
            wait_until(lambda wanted=wanted: len(writer.kept) >= wanted, 30)
            threading.Event().wait(chance.random() * 0.003)  # anywhere between two messages
            writer.process.send_signal(signal.SIGSTOP)
            snapshot = tmp_path / f"snapshot-{instant}"
            snapshot.mkdir()
            for file in tmp_path.glob("outbox.db*"):
                shutil.copy(file, snapshot)
            kept, left = writer.kept[-1], writer.left
            writer.process.send_signal(signal.SIGCONT)
            held = kept_numbers(snapshot / "outbox.db")
            assert held == list(range(held[0], held[-1] + 1))
            assert held[0] <= max(left, writer.left) + 1
            assert held[-1] >= kept
            shutil.rmtree(snapshot)


def test_a_writer_that_is_killed_at_any_instant_goes_on_where_it_was(tmp_path: Path) -> None:
    chance = random.Random(2)
    path = tmp_path / "outbox.db"
    kept = 0
    for _ in range(6):
        with writing(path) as writer:
            wanted = chance.randint(1, 60)
            wait_until(lambda wanted=wanted, writer=writer: len(writer.kept) >= wanted, 30)
            threading.Event().wait(chance.random() * 0.003)
            writer.kill()
        assert writer.kept[0] > kept
        assert writer.kept == list(range(writer.kept[0], writer.kept[-1] + 1))
        kept = writer.kept[-1]
        assert kept_numbers(path)[-1] >= kept


def test_a_message_has_reached_the_disk_before_it_counts_as_kept(tmp_path: Path) -> None:
    """Between the writing of a message and the word that it is kept, the log is forced to the disk."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: skipped the order of writes and syncs")
    trace = tmp_path / "trace"
    calls = "trace=write,pwrite64,fdatasync,fsync"
    command = [strace, "-f", "-y", "-e", calls, "-o", str(trace), sys.executable, str(WRITER), str(tmp_path / "o.db")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": "."}, start_new_session=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(20)]
        process.terminate()
    if not all(said):
        pytest.skip("strace may not trace here: skipped the order of writes and syncs")
    is_synced, messages = True, 0
    for line in trace.read_text().splitlines():
        if "o.db-wal" in line:
            is_synced = bool(re.search(r"\b(fdatasync|fsync)\(", line))
        elif re.search(r'write\(1<[^>]*>, "\d+\\n"', line):
            assert is_synced, line
            messages += 1
    assert messages >= 19


TROUBLE = """
import subprocess, sys
from datetime import UTC, datetime
from pathlib import Path
from edge_agent.uplink.outbox import HEAL_EVERY_S, Outbox
from wire.messages import Fix, Kind, Track, TrackPoint

folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
passed_s = 0.0
now = lambda: datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
track = Track(points=tuple(TrackPoint(at=now(), lon=1, lat=2, accuracy_m=3, fix=Fix.GNSS) for _ in range(20)))

def open_outbox():
    path = folder / "outbox.db"
    return Outbox(path, source="/testcity/bus-1", max_bytes=10**9, now=now, monotonic=lambda: passed_s)

def put():
    global passed_s
    passed_s += HEAL_EVERY_S
    kept = box.put(track, observed_at=now())
    print("kept", kept.stream, kept.sequence, box.state.value, flush=True)

def fill():
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass

box = open_outbox()
put()
fill()
while box.state.value == "disk":
    put()
put()
(folder / "filler").unlink()
put()
box.close()
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
box = open_outbox()
put()
put()
subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
put()
box.begin_session()
for message in box.next_to_send(10_000):
    print("holds", message.stream, message.sequence, flush=True)
"""


def test_a_disk_that_is_full_and_one_that_is_read_only_are_told_and_heal(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounts = [unshare or "", "--user", "--map-root-user", "--mount"]
    probe = [*mounts, "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if unshare is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here: skipped the full and the read-only disk")
    result = subprocess.run(
        [*mounts, sys.executable, "-c", TROUBLE, str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    kept = [(stream, number) for word, stream, number, *_ in lines if word == "kept"]
    held = [(stream, number) for word, stream, number, *_ in lines if word == "holds"]
    states = [line[3] for line in lines if line[0] == "kept"]
    changes = [state for state, before in zip(states, ["", *states], strict=False) if state != before]
    assert changes == ["disk", "disk_full", "disk", "disk_read_only", "disk"]
    assert sorted(held) == sorted(kept)
