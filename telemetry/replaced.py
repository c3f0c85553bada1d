"""A file of which a reader finds the old or the new content, never half of one."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(path: Path) -> Generator[BinaryIO]:
    """Write beside a file and take its place at the end; what is not finished leaves it as it was."""
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
