"""Files that a power cut leaves as they were or as they shall be."""

import os
from pathlib import Path
from typing import Final

_DRAFT_SUFFIX: Final = ".draft"


def make_folder(folder: Path) -> None:
    """Make a folder whose name is on the disk, if it is not there."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


def write_file(path: Path, content: bytes) -> None:
    """Write a new file; it is on the disk, though its name is only after `sync_folder`."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put the content in the place of what is there: whoever reads finds all of the one or all of the other."""
    draft = path.with_name(f"{path.name}{_DRAFT_SUFFIX}")
    write_file(draft, content)
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
