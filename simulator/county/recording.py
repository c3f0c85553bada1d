"""A file of messages that anybody can publish again: JSON lines, gzipped where the name ends in `.gz`.

The first line says what it is. Each line after it is one message: when it left its bus, on which topic, and the
envelope as it stands on the wire (so the bytes that are published are the bytes that were made).
"""

import gzip
import json
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, Literal, TextIO

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from simulator.county.messages import Sent
from simulator.errors import RecordingError
from telemetry.replaced import replaced

FORMAT: Final = "busense.recording.v1"


class _Head(BaseModel):
    format: str


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    at: AwareDatetime
    topic: str
    payload: str


def write_recording(path: Path, messages: Iterable[Sent], *, about: Mapping[str, object]) -> int:
    """Write all messages; returns how many. Equal messages make equal files; one that is not finished is none."""
    count = 0
    with replaced(path) as draft, _text(draft, "w", is_packed=_is_packed(path)) as file:
        file.write(json.dumps({"format": FORMAT, **about}, ensure_ascii=False) + "\n")
        for sent in messages:
            line = {"at": sent.at.isoformat(), "topic": sent.topic, "payload": sent.payload.decode()}
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            count += 1
    return count


def read_recording(path: Path) -> Iterator[Sent]:
    """Read the messages one by one.

    Raises:
        RecordingError: the file is none, or a line is broken; it names the line.
    """
    try:
        with path.open("rb") as content, _text(content, "r", is_packed=_is_packed(path)) as file:
            _check_head(path, file.readline())
            for number, text in enumerate(file, start=2):
                yield _sent(path, number, text)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise RecordingError(f"{path}: {error}") from error


def _check_head(path: Path, text: str) -> None:
    try:
        head = _Head.model_validate_json(text)
    except ValidationError as error:
        raise RecordingError(f"{path} is no recording: its first line should say {FORMAT}") from error
    if head.format != FORMAT:
        raise RecordingError(f"{path}: {FORMAT} is read here, not {head.format}")


def _sent(path: Path, number: int, text: str) -> Sent:
    try:
        line = _Line.model_validate_json(text)
    except ValidationError as error:
        raise RecordingError(f"{path}, line {number}: {error}") from error
    return Sent(at=line.at, topic=line.topic, payload=line.payload.encode())


def _is_packed(path: Path) -> bool:
    return path.suffix == ".gz"


@contextmanager
def _text(file: BinaryIO, mode: Literal["r", "w"], *, is_packed: bool) -> Generator[TextIO]:
    if not is_packed:
        with TextIOWrapper(file, encoding="utf-8") as text:
            yield text
        return
    # Without a name and a time inside, equal messages make equal files.
    with (
        gzip.GzipFile("", f"{mode}b", fileobj=file, mtime=0) as packed,
        TextIOWrapper(packed, encoding="utf-8") as text,
    ):
        yield text
