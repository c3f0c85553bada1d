"""Making a package of a model."""

from pathlib import Path

from click.testing import CliRunner

from cloud.commands.release import release
from cloud.errors import RollOutError


def test_a_file_that_the_manifest_names_and_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text('name = "m"\nversion = "1"\n[fp32]\nfile = "model.onnx"\n')
    result = CliRunner().invoke(release, ["model", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, RollOutError)
    assert "model.onnx" in str(result.exception)
