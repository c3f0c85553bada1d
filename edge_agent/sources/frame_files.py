"""Recorded frames: a folder of pictures or a video, each frame with its time."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from edge_agent.errors import SourceError
from edge_agent.readings import Image

log = logging.getLogger(__name__)

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
INDEX: Final = "index.json"
_TIME_IN_NAME: Final = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[T_ -]?(\d\d)[-_:]?(\d\d)[-_:]?(\d\d)(?:[._-]?(\d{1,6}))?Z?$"
)
_MILLISECONDS_IN_NAME: Final = re.compile(r"(?:^|_)(1\d{12})$")
_MAX_FRAMES: Final = 1_000_000

TimedFrame = tuple[datetime, Image]


class _Entry(BaseModel):
    """A frame of index.json: `at` with zone, or `t_s` from the beginning of the recording."""

    file_name: str
    at: AwareDatetime | None = None
    t_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class _Index(BaseModel):
    frames: Annotated[list[_Entry], Field(max_length=_MAX_FRAMES)]


def recorded_frames(path: Path, *, start_at: datetime, frames_per_s: float) -> Iterator[TimedFrame]:
    """Frames in the order of their times, decoded one by one.

    Times come from index.json in the folder, else from the file names (UTC, as 20261124T080000.250 or milliseconds
    since 1970), else from the constant rate, beginning at `start_at`. A video brings its own rate.

    Raises:
        SourceError: nothing can be read there.
    """
    if path.is_dir():
        return _decoded(list_frames(path, start_at=start_at, frames_per_s=frames_per_s))
    return _from_video(path, start_at)


def list_frames(folder: Path, *, start_at: datetime, frames_per_s: float) -> list[tuple[datetime, Path]]:
    """Times and files of a folder, in order."""
    index = folder / INDEX
    if index.is_file():
        return sorted(_from_index(index, start_at))
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not paths:
        raise SourceError(f"folder {folder} has no picture")
    named = [(at, path) for path in paths if (at := _time_in_name(path.stem)) is not None]
    if len(named) == len(paths):
        return sorted(named)
    return [(start_at + timedelta(seconds=i / frames_per_s), path) for i, path in enumerate(paths)]


def _from_index(index: Path, start_at: datetime) -> Iterator[tuple[datetime, Path]]:
    try:
        entries = _Index.model_validate(json.loads(index.read_text(encoding="utf-8"))).frames
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise SourceError(f"{index}: {error}") from error
    for entry in entries:
        if entry.at is None and entry.t_s is None:
            raise SourceError(f"{index}: {entry.file_name} has neither at (with zone) nor t_s")
        at = entry.at.astimezone(UTC) if entry.at is not None else start_at + timedelta(seconds=entry.t_s or 0.0)
        yield at, index.parent / entry.file_name


def _time_in_name(stem: str) -> datetime | None:
    milliseconds = _MILLISECONDS_IN_NAME.search(stem)
    if milliseconds is not None:
        return datetime.fromtimestamp(int(milliseconds[1]) / 1000, tz=UTC)
    found = _TIME_IN_NAME.search(stem)
    if found is None:
        return None
    *numbers, fraction = found.groups()
    try:
        year, month, day, hour, minute, second = (int(number) for number in numbers)
        return datetime(year, month, day, hour, minute, second, int((fraction or "0").ljust(6, "0")), tzinfo=UTC)
    except ValueError:
        return None


def _decoded(frames: list[tuple[datetime, Path]]) -> Iterator[TimedFrame]:
    for at, path in frames:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            log.warning("frame_unreadable path=%s", path)
        else:
            yield at, image.astype(np.uint8, copy=False)


def _from_video(path: Path, start_at: datetime) -> Iterator[TimedFrame]:
    capture = cv2.VideoCapture(str(path))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        if not capture.isOpened() or not 0 < rate <= 1000:  # noqa: PLR2004 - frames a second of any camera
            raise SourceError(f"{path} is no video that can be read")
        number = 0
        while True:
            is_read, image = capture.read()
            if not is_read:
                return
            yield start_at + timedelta(seconds=number / rate), image.astype(np.uint8, copy=False)
            number += 1
    finally:
        capture.release()
