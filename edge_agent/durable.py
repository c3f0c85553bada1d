"""Files that a power cut leaves as they were or as they shall be."""

import os
from io import BufferedWriter
from pathlib import Path
from typing import Final

DRAFT_SUFFIX: Final = ".draft"
_ANYBODY, _OWNER_ALONE = 0o666, 0o600  # less what the process's mask takes away


def make_folder(folder: Path) -> None:
    """Make a folder whose name is on the disk, if it is not there."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


def write_file(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write a new file; it is on the disk, though its name is only after `sync_folder`."""
    mode = _OWNER_ALONE if is_private else _ANYBODY
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        sync(file)


def replace_file(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Put the content in the place of what is there: whoever reads finds all of the one or all of the other."""
    draft = path.with_name(f"{path.name}{DRAFT_SUFFIX}")
    write_file(draft, content, is_private=is_private)
    draft.replace(path)
    sync_folder(path.parent)


def sync(file: BufferedWriter) -> None:
    """Bring what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
