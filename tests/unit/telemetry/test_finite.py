"""What is no number is told before anything begins."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from busense.cli import busense

COMMANDS = (
    "demo --for nan",
    "demo --for inf",
    "chaos --pause nan",
    "chaos --pause -1",
    "simulate --for nan",
    "simulate --clock-off inf",
    "simulate --clock-off 1e12",
    "county record {there} {there}.jsonl --from-h nan",
    "county publish {there} --broker mqtt://127.0.0.1:9 --rate nan",
    "detect {there} --threshold nan",
    "models train road_damage --minutes nan",
)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_number_that_is_none_is_told_by_its_option(words: str, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    result = CliRunner().invoke(busense, words.format(there=tmp_path / "there").split())
    assert result.exit_code == 2
    assert f"Invalid value for '{words.split()[-2]}'" in result.output
