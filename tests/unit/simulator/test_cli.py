import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.cli import simulate


def test_roads_are_written_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    texts: list[str] = []
    for name in ("a", "b"):
        result = CliRunner().invoke(simulate, ["--seed", "3", "--roads", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["type"] == "FeatureCollection"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--broker"),
        (["--buses", "0"], "--buses"),
        (["--frames", "/nowhere"], "--frames"),
        (["--roads", "/nowhere/roads.geojson"], "there is no folder /nowhere"),
    ],
    ids=["nobody to talk to", "no bus", "no folder", "no place for the roads"],
)
def test_wrong_options_are_named(options: list[str], words: str) -> None:
    result = CliRunner().invoke(simulate, options)
    assert result.exit_code == 2
    assert words in result.output


def test_a_bus_that_the_county_does_not_have_is_named(tmp_path: Path) -> None:
    scenario = tmp_path / "small.toml"
    scenario.write_text("[county]\nname = 'small'\nlines = 1\nbuses = 4\ndays = 2\n")
    places = {
        "--broker": "mqtt://127.0.0.1:9",
        "--cloud": "http://127.0.0.1:9",
        "--secrets": tmp_path,
        "--work": tmp_path,
    }
    words = [str(word) for pair in places.items() for word in pair]
    result = CliRunner().invoke(simulate, ["--county", str(scenario), "--bus", "5", *words])
    assert result.exit_code == 2
    assert "the county has 4 buses" in result.output
