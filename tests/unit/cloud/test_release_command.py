"""Making packages and keys, and giving packages to the cloud."""

import json
import os
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud.commands.release import release
from cloud.errors import RollOutError, UnavailableError


def test_a_file_that_the_manifest_names_and_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text('name = "m"\nversion = "1"\n[fp32]\nfile = "model.onnx"\n')
    result = CliRunner().invoke(release, ["model", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, RollOutError)
    assert "model.onnx" in str(result.exception)


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a signature that is no text, for a cloud whose database is away."""
    key = CliRunner().invoke(release, ["key", str(tmp_path / "key"), "--password", "p"]).output.strip()
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", "postgresql://127.0.0.1:9/none")
    monkeypatch.setenv("BUSENSE_FLEET__RELEASE_KEYS", json.dumps([key]))
    package = tmp_path / "package"
    package.write_bytes(b"package")
    package.with_name("package.minisig").write_bytes(b"\xff\xfe")
    return package


def test_a_signature_that_is_no_text_is_said(signed: Path) -> None:
    result = CliRunner().invoke(release, ["add", str(signed)])
    assert isinstance(result.exception, RollOutError)
    assert "package.minisig" in str(result.exception)


def test_a_user_without_a_name_may_add_a_release(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)  # as `docker run --user 3999999`
    signed.with_name("package.minisig").write_text("a signature")
    assert isinstance(CliRunner().invoke(release, ["add", str(signed)]).exception, UnavailableError)


def test_a_key_that_finds_no_room_is_not_there_already(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        result = CliRunner().invoke(release, ["key", str(tmp_path / "key"), "--password", "p"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(result.exception, OSError)
    assert list(tmp_path.iterdir()) == []
