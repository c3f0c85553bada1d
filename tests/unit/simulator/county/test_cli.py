from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simulator.county.cli import county
from simulator.county.ledger import Ledger
from simulator.county.messages import Sent
from simulator.county.recording import read_recording, write_recording
from simulator.errors import ScenarioError, SecretError


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text("[county]\nname = 'small'\nlines = 1\nbuses = 4\ndays = 2\n")
    return path


def _run(*words: object) -> Result:
    return CliRunner().invoke(county, [str(word) for word in words], catch_exceptions=False)


def test_check_says_what_county_it_is(scenario: Path) -> None:
    assert "small: 4 buses on 1 lines" in _run("check", scenario).output


def test_check_names_a_wrong_line(scenario: Path) -> None:
    scenario.write_text("[county]\nbuses = 'many'\n")
    with pytest.raises(ScenarioError, match="line 2"):
        _run("check", scenario)


def test_record_writes_a_file_that_can_be_read(scenario: Path, tmp_path: Path) -> None:
    file = tmp_path / "minute.jsonl.gz"
    told = _run("record", scenario, file, "--for", 60, "--from-h", 9).output
    messages = list(read_recording(file))
    assert told.startswith(f"{len(messages)} messages of 4 buses")
    assert {sent.topic.split("/")[2] for sent in messages} == {"small"}


@pytest.mark.parametrize("words", [("--from-h", "inf"), ("--for", "inf"), ("--from-h", 1e12)], ids=str)
def test_record_wants_hours_that_there_are(scenario: Path, tmp_path: Path, words: tuple[object, ...]) -> None:
    told = _run("record", scenario, tmp_path / "minute.jsonl", *words)
    assert told.exit_code == 2
    assert "range" in told.output


def test_a_file_that_holds_no_password_is_told(scenario: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    words = ("drive", scenario, "--broker", "mqtt://127.0.0.1:9", "--password-file", tmp_path / "password")
    with pytest.raises(SecretError, match="holds no secret"):
        _run(*words)


@pytest.mark.parametrize("name", ["minute.jsonl", "minute.jsonl.gz"])
def test_a_recording_that_was_interrupted_is_none(tmp_path: Path, name: str) -> None:
    def messages() -> Iterator[Sent]:
        yield Sent(at=datetime(2027, 1, 1, tzinfo=UTC), topic="bs/v1/small/bus-1/track", payload=b"{}")
        raise KeyboardInterrupt

    (tmp_path / name).write_bytes(b"of yesterday")
    with pytest.raises(KeyboardInterrupt):
        write_recording(tmp_path / name, messages(), about={})
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(name, b"of yesterday")]


def test_a_timetable_drives_the_same_county(scenario: Path, tmp_path: Path) -> None:
    written = _run("timetable", scenario, tmp_path / "gtfs").output
    scenario.write_text(scenario.read_text() + "timetable = 'gtfs'\n")
    read = _run("check", scenario).output
    assert read.split(";")[0] == written.split(";")[0]  # buses, lines, kilometres, stops


def test_report_draws_the_page_of_a_ledger(tmp_path: Path) -> None:
    Ledger(name="small", seed=0, facts={}).write(tmp_path / "ledger.json")
    _run("report", tmp_path / "ledger.json", tmp_path / "page")
    assert "仿真报告" in (tmp_path / "page" / "index.html").read_text()
