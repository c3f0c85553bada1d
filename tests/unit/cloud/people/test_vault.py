"""Second factors lie in the database under a key that does not."""

import stat
from pathlib import Path

import pytest

from cloud.errors import ConfigError
from cloud.people.vault import Vault


def test_what_is_sealed_is_read_again_by_whoever_has_the_key(tmp_path: Path) -> None:
    sealed = Vault.open(tmp_path / "key").seal("JBSWY3DP")
    assert "JBSWY3DP" not in sealed
    assert Vault.open(tmp_path / "key").unseal(sealed) == "JBSWY3DP"


def test_the_key_is_for_its_owner_alone_and_is_drawn_once(tmp_path: Path) -> None:
    Vault.open(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    Vault.open(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_without_a_key_all_is_in_the_clear() -> None:
    assert Vault().unseal(Vault().seal("JBSWY3DP")) == "JBSWY3DP"


def test_what_was_there_before_the_key_is_still_read(tmp_path: Path) -> None:
    assert Vault.open(tmp_path / "key").unseal("JBSWY3DP") == "JBSWY3DP"


def test_another_key_or_none_says_what_is_wrong(tmp_path: Path) -> None:
    sealed = Vault.open(tmp_path / "key").seal("JBSWY3DP")
    with pytest.raises(ConfigError, match="another key"):
        Vault.open(tmp_path / "other").unseal(sealed)
    with pytest.raises(ConfigError, match="is not set"):
        Vault().unseal(sealed)
    with pytest.raises(ConfigError, match="another key"):
        Vault.open(tmp_path / "key").unseal(sealed[:-6] + "AAAAA=")


@pytest.mark.parametrize("content", ["", "short", "x" * 44])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(ConfigError, match="vault_file"):
        Vault.open(tmp_path / "key")
