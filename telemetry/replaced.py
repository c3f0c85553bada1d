"""A file of which a reader finds the old or the new content, never half of one."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_ANYBODY, _OWNER_ALONE = 0o666, 0o600  # less what the process's mask takes away


@contextmanager
def replaced(path: Path, *, is_private: bool = False) -> Generator[BinaryIO]:
    """Write beside a file and take its place at the end; what is not finished leaves it as it was.

    A private one is for its owner alone from the first byte on.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    draft.unlink(missing_ok=True)  # of a process that was killed and had this number: its mode and content are its own
    try:
        draft.touch(mode=_OWNER_ALONE if is_private else _ANYBODY, exist_ok=False)
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
