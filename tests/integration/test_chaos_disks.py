"""What `busense chaos` does to the disks of buses, and what an outbox makes of it."""

import random
import resource
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from busense.chaos.disks import empty, fill, tear_page
from busense.chaos.ledger import begin_ledger, count_damaged, read_ledgers, read_waiting
from edge_agent.uplink.outbox import Outbox
from tests.unit.edge_agent.uplink.test_outbox import NOW, TRACK, detection

MESSAGES = 300
WRITER = """
import itertools
import sys
from pathlib import Path
from edge_agent.uplink.outbox import Outbox
from tests.unit.edge_agent.uplink.test_outbox import NOW, TRACK
outbox = Outbox(Path(sys.argv[1]), source="/testcity/bus-1", max_bytes=10**9, now=lambda: NOW,
    monotonic=itertools.count(step=10.0).__next__)
for _ in sys.stdin:
    outbox.put(TRACK, observed_at=NOW)
    print(outbox.state.value, flush=True)
"""


def open_outbox(path: Path) -> Outbox:
    return Outbox(path, source="/testcity/bus-1", max_bytes=10**9, now=lambda: NOW)


@pytest.mark.parametrize("seed", range(8))
def test_what_lay_in_a_torn_file_comes_again_or_is_given_up_or_is_known_to_have_been_there(
    tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "bus-1" / "outbox.db"
    open_outbox(path).close()
    begin_ledger(path)
    outbox = open_outbox(path)
    for number in range(MESSAGES):
        outbox.put(TRACK if number % 3 else detection(f"{number:064x}"), observed_at=NOW)
    outbox.close()
    kept, waiting = read_ledgers([path]), read_waiting([path])
    assert {message.key for message in kept} == waiting

    tear_page(path, random.Random(seed))

    assert count_damaged([path]) == 1, "each page of a file that is this full is looked at"
    begin_ledger(path)
    outbox = open_outbox(path)
    outbox.salvage(threading.Event())
    told = outbox.ranges_to_tell()
    outbox.close()
    again = read_waiting([path])
    assert len(again) > 0.7 * MESSAGES
    assert {message.key for message in read_ledgers([path])} == again <= waiting
    given_up = {(each.stream, number) for each in told for number in range(each.first, each.last + 1)}
    assert not {message.key for message in kept if (message.stream, message.sequence) in given_up} & again


@contextmanager
def writing(path: Path) -> Generator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        yield writer, writer.stdin, writer.stdout


def test_full_disk_puts_an_outbox_into_memory_until_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "bus-1" / "outbox.db"
    with writing(path) as (writer, orders, states):

        def put() -> str:
            orders.write("put\n")
            orders.flush()
            return states.readline().strip()

        assert put() == "disk"
        fill(writer.pid)
        assert [put(), put()] == ["disk_failing", "disk_failing"]
        empty(writer.pid)
        assert put() == "disk"
    assert len(read_waiting([path])) == 4


def test_the_disk_of_a_process_that_is_gone_is_not_ours() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill(None)
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before
