import os
from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry.replaced import replaced


def modes(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.iterdir()}


def test_a_private_file_is_its_owners_alone_all_the_while(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for _ in range(2):
        with replaced(file, is_private=True) as draft:
            assert modes(tmp_path) == {0o600}
            draft.write(b"secret")
        assert modes(tmp_path) == {0o600}


def test_what_a_killed_process_of_the_same_number_left_lets_nobody_read(tmp_path: Path) -> None:
    (tmp_path / f".secret.{os.getpid()}.part").touch(mode=0o644)
    with replaced(tmp_path / "secret", is_private=True):
        assert modes(tmp_path) == {0o600}
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_two_that_write_the_same_file_do_not_write_into_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "status.json"

    def write_as(pid: int, content: bytes, meanwhile: Callable[[], None] = lambda: None) -> None:
        monkeypatch.setattr(os, "getpid", lambda: pid)
        with replaced(file) as draft:
            draft.write(content)
            meanwhile()

    write_as(1, b"the first", meanwhile=lambda: write_as(2, b"the second, while the first is at it"))
    assert file.read_bytes() == b"the first"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_not_finished_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")

    def write_half() -> None:
        with replaced(file) as draft:
            draft.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
