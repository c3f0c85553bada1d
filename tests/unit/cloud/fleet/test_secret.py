import resource
import stat
from pathlib import Path

import pytest

from cloud.errors import FleetError
from cloud.fleet.secret import hash_secret, is_secret, read_or_create_secret


def test_secret_is_drawn_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    drawn = read_or_create_secret(path)
    assert read_or_create_secret(path) == drawn
    assert len(drawn) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "hunter2", "x" * 600])
def test_secret_that_was_not_drawn_at_random_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(FleetError, match="22 to 512"):
        read_or_create_secret(path)


def test_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="absent"):
        read_or_create_secret(tmp_path / "absent" / "secret")


def test_a_full_disk_leaves_no_file_that_is_then_taken_for_a_secret(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(FleetError, match="too large"):
            read_or_create_secret(tmp_path / "secret")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_only_the_same_secret_fits() -> None:
    assert is_secret("right", secret_hash=hash_secret("right"))
    assert not is_secret("wrong", secret_hash=hash_secret("right"))
