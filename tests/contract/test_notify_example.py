"""The example of notifications is one that the program takes."""

from pathlib import Path

from cloud.notify.targets import load_targets

EXAMPLE = Path(__file__).parents[2] / "deploy" / "notify.example.toml"


def test_example_is_taken() -> None:
    assert [target.key for target in load_targets(EXAMPLE).everybody] == ["county-12345", "wang", "road-crews"]
