"""Photos of people's phones are made safe by a program of its own, which this server starts for each.

The program decodes what a stranger sent, so it gets no secrets and little time; and the operations center needs no
detector of faces in its own process. What it gives back is checked like a picture of a bus.
"""

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from cloud.errors import PhotoError, UnavailableError

TIMEOUT_S: Final = 60
AT_ONCE: Final = 1
_MAX_WAIT_S: Final = 60
_PASSED_ON: Final = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
_REFUSED: Final = 3  # the program's exit status for a photo that is none


class BlurRecord(BaseModel):
    """The first line of the program's output."""

    width_px: Annotated[int, Field(gt=0)]
    height_px: Annotated[int, Field(gt=0)]
    blur: dict[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePhoto:
    """A JPEG without readable faces and plates, and without metadata."""

    content: bytes
    width_px: int
    height_px: int
    blur: dict[str, str | int | float]

    @property
    def sha256(self) -> str:
        """Under which it is kept."""
        return hashlib.sha256(self.content).hexdigest()


class Blur:
    """The program, one photo at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._turn = threading.Semaphore(AT_ONCE)

    def make_safe(self, photo: bytes) -> SafePhoto:
        """Blur a photo.

        Raises:
            PhotoError: it is none.
            UnavailableError: the program is not there, is busy or failed: then no photo is taken.
        """
        if not self._turn.acquire(timeout=_MAX_WAIT_S):
            raise UnavailableError("other photos are being made safe; try again later")
        try:
            output = self._run(photo)
        finally:
            self._turn.release()
        return _read(output)

    def _run(self, photo: bytes) -> bytes:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            done = subprocess.run(
                self._command, input=photo, capture_output=True, timeout=TIMEOUT_S, env=env, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"photos cannot be made safe here: {type(error).__name__}") from error
        if done.returncode == _REFUSED:
            raise PhotoError(f"the photo was not taken: {_last_line(done.stderr)}")
        if done.returncode != 0:
            raise UnavailableError(f"photos cannot be made safe here: {_last_line(done.stderr)}")
        return done.stdout


def _read(output: bytes) -> SafePhoto:
    head, _, content = output.partition(b"\n")
    try:
        record = BlurRecord.model_validate(json.loads(head))
    except (ValidationError, ValueError) as error:
        raise UnavailableError("photos cannot be made safe here: the program's answer is not understood") from error
    return SafePhoto(content=content, width_px=record.width_px, height_px=record.height_px, blur=record.blur)


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "no reason given"
