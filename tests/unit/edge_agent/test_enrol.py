from pathlib import Path

import pytest

from edge_agent.config import Cloud
from edge_agent.enrol import enrol
from edge_agent.errors import ConfigurationError

NOWHERE = Cloud(url="http://127.0.0.1:9")


@pytest.mark.parametrize("missing", ["certificate_file", "secret_file"])
def test_a_code_is_not_spent_where_its_certificate_cannot_be_kept(tmp_path: Path, missing: str) -> None:
    files = {"certificate_file": tmp_path / "bus.pem", "secret_file": tmp_path / "secret"}
    files[missing] = tmp_path / "missing" / "file"
    with pytest.raises(ConfigurationError, match=r"missing/file cannot be written: No such file or directory"):
        enrol(NOWHERE, device="bus-1", code="ABCD", **files)


def test_nothing_is_left_or_changed_by_an_enrolment_that_does_not_come_off(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush")
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        enrol(NOWHERE, device="bus-1", code="ABCD", certificate_file=tmp_path / "bus.pem", secret_file=secret)
    assert list(tmp_path.iterdir()) == [secret]
    assert secret.read_text() == "hush"
