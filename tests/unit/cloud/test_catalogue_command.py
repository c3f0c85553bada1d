from pathlib import Path

from click.testing import CliRunner

import cloud.findings
from cloud.cli import catalogue
from cloud.errors import ConfigError

SHIPPED = Path(cloud.findings.__file__).parent / "catalogue.toml"


def test_right_catalogue_is_told() -> None:
    result = CliRunner().invoke(catalogue, ["check", str(SHIPPED)])

    assert result.exit_code == 0
    assert " classes, all right" in result.output


def test_wrong_catalogue_is_told_with_its_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SHIPPED.read_text().replace("prior = 0.1", "prior = 7", 1))
    result = CliRunner().invoke(catalogue, ["check", str(wrong)])

    assert isinstance(result.exception, ConfigError)
    assert "classes.D00.prior" in str(result.exception)
