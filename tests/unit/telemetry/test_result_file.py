"""What is written at the end of long work can be written, or the work does not begin."""

from argparse import ArgumentParser
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.record import result_file
from busense.cli import busense
from telemetry.result_file import RESULT_FILE

COMMANDS = (
    ("models evaluate road_damage --data {there}", "--json"),
    ("simulate --broker mqtt://127.0.0.1:9", "--json"),
    ("county record {there}/scenario.toml", ""),
    ("demo --for 1", "--json"),
    ("chaos", "--json"),
    ("retention run", "--json"),
)


@pytest.mark.parametrize(("words", "option"), COMMANDS, ids=[words.partition(" --")[0] for words, _ in COMMANDS])
def test_a_result_that_could_not_be_written_is_told_before_the_work(words: str, option: str, tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").touch()
    arguments = [*words.format(there=tmp_path).split(), *option.split(), str(tmp_path / "no folder" / "result.json")]
    result = CliRunner().invoke(busense, arguments)

    assert result.exit_code == 2
    assert "there is no folder" in " ".join(result.output.replace("│", " ").split())


def test_a_file_in_a_folder_that_is_there_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (RESULT_FILE("new.json"), list(tmp_path.iterdir())) == (Path("new.json"), [])
    with pytest.raises(click.BadParameter):
        RESULT_FILE(str(tmp_path))


def test_benchmarks_with_another_parser_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    parser.add_argument("--json", type=result_file)
    with pytest.raises(SystemExit):
        parser.parse_args(["--json", str(tmp_path / "no folder" / "result.json")])
    assert "there is no folder" in capsys.readouterr().err
