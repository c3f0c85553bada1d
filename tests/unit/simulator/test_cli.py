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
    [([], "--broker"), (["--buses", "0"], "--buses"), (["--frames", "/nowhere"], "--frames")],
    ids=["nobody to talk to", "no bus", "no folder"],
)
def test_wrong_options_are_named(options: list[str], words: str) -> None:
    result = CliRunner().invoke(simulate, options)
    assert result.exit_code == 2
    assert words in result.output
