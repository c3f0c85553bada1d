import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from busense import cli
from tests.waiting import wait_until


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["busense", *words])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(str(left.value.code))


def test_a_folder_that_cannot_be_made_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.json"
    ledger.write_text('{"name": "a", "seed": 0, "facts": {}}')

    assert _run(monkeypatch, "county", "report", str(ledger), str(ledger / "page")) == 1

    assert capsys.readouterr().err.splitlines() == [f"busense: Not a directory: {ledger / 'page'}"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ECONNRESET], ids=["full disk", "a bug"])
def test_a_full_disk_is_told_in_a_line_and_a_bug_shows_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    @click.command()
    def fill() -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setitem(cli.busense.commands, "fill", fill)
    monkeypatch.setattr(cli.LazyGroup, "get_command", click.Group.get_command)
    if number == errno.ECONNRESET:
        with pytest.raises(ConnectionResetError):
            _run(monkeypatch, "fill")
        return
    assert _run(monkeypatch, "fill") == 1
    assert capsys.readouterr().err == "busense: No space left on device\n"


WAITING = """
import signal, sys
from pathlib import Path
import click
from busense import cli
from telemetry.replaced import replaced

@click.command()
def wait():
    with replaced(Path("result")):
        signal.pause()

cli.LazyGroup.get_command = lambda *_: wait
sys.argv = ["busense", "wait"]
cli.main()
"""


def test_a_command_that_is_asked_to_end_puts_away_what_it_has_begun(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    running = subprocess.Popen([sys.executable, "-c", WAITING], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    try:
        wait_until(lambda: list(tmp_path.iterdir()))
        running.terminate()
        assert running.wait(20) == -signal.SIGTERM
    finally:
        running.kill()
        running.wait()
    assert list(tmp_path.iterdir()) == []
