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


ECHOING = """
import sys
from pathlib import Path
import click
from busense import cli
from cloud.config import load_config

@click.command()
def tell():
    click.echo(load_config(Path("cloud.toml")).city)
    click.echo("\\u8392\\u53bf")

cli.LazyGroup.get_command = lambda *_: tell
sys.argv = ["busense", "tell"]
cli.main()
"""


def test_files_are_read_and_words_told_in_a_locale_without_chinese(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text('city = "ju"  # 莒县\n[database]\nurl = "postgresql://"\n', encoding="utf-8")
    locale = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1", "LC_ALL": "C"}
    told = subprocess.run(
        [sys.executable, "-c", ECHOING], cwd=tmp_path, env=_with_ours(locale), capture_output=True, check=False
    )
    assert told.stdout.decode("latin-1").splitlines() == ["ju", r"\u8392\u53bf"], told.stderr


def test_a_command_that_is_asked_to_end_puts_away_what_it_has_begun(tmp_path: Path) -> None:
    running = subprocess.Popen([sys.executable, "-c", WAITING], cwd=tmp_path, env=_with_ours({}))
    try:
        wait_until(lambda: list(tmp_path.iterdir()))
        running.terminate()
        assert running.wait(20) == -signal.SIGTERM
    finally:
        running.kill()
        running.wait()
    assert list(tmp_path.iterdir()) == []


def _with_ours(more: dict[str, str]) -> dict[str, str]:
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **more}
