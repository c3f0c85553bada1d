"""Attachments of alarms: asked for with 0x9208, listed, sent in pieces, and asked for again where pieces lack. Pure."""

import struct
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Final

from cloud.bridges.jt808.frame import MOST_CHUNK, Chunk
from cloud.errors import FrameError

MOST_FILES: Final = 8
MOST_BYTES: Final = 67_108_864  # of one file; of a video they are counted, not kept
MOST_PICTURE_BYTES: Final = 4_194_304
MOST_HELD_BYTES: Final = 2 * MOST_PICTURE_BYTES  # of the pictures of one alarm, until they are whole
MOST_GAPS: Final = 32
MOST_PARTS: Final = 2048  # of one file, with gaps between them: a terminal sends one after the other
PICTURE: Final = 0
VIDEO: Final = 2
IDENTITY_BYTES: Final = 16
MARK_BYTES: Final = 32


@dataclass(slots=True, kw_only=True)
class File:
    """A file that was announced, with what has come of it. Only of pictures the bytes are kept."""

    name: str
    size: int
    kind: int = VIDEO
    parts: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # from and to, apart and in order
    came: int = 0
    content: bytearray | None = None

    def begin(self, kind: int, *, room: int = MOST_PICTURE_BYTES) -> None:
        """Learn what it is; a picture for which there is no room is counted as a video is."""
        self.kind = kind
        if kind == PICTURE and self.content is None and not self.parts and self.size <= min(room, MOST_PICTURE_BYTES):
            self.content = bytearray(self.size)

    def add(self, chunk: Chunk) -> None:
        """Take a piece.

        Raises:
            FrameError: it does not lie inside the file, pieces come again and again, or too far apart from each other.
        """
        end = chunk.offset + len(chunk.content)
        self.came += len(chunk.content) or 1
        if end > self.size or self.came > 2 * self.size + MOST_CHUNK:
            raise FrameError(f"{self.name} has {self.size} bytes; {self.came} came, up to {end}")
        if end > chunk.offset:
            self._join(chunk.offset, end)
        if self.content is not None:
            self.content[chunk.offset : end] = chunk.content

    def _join(self, begin: int, end: int) -> None:
        first = bisect_left(self.parts, begin, key=lambda part: part[1])
        last = bisect_right(self.parts, end, key=lambda part: part[0])
        touched = [(begin, end), *self.parts[first:last]]
        self.parts[first:last] = [(min(part[0] for part in touched), max(part[1] for part in touched))]
        if len(self.parts) > MOST_PARTS:
            raise FrameError(f"{self.name} came in more than {MOST_PARTS} parts with gaps between them")

    def whole_picture(self) -> bytes | None:
        """A picture that has come as a whole, until it is let go."""
        return None if self.content is None or self.gaps() else bytes(self.content)

    def let_go(self) -> None:
        """Hold the bytes no longer: what was to be done with them is done."""
        self.content = None

    def gaps(self) -> list[tuple[int, int]]:
        """What lacks: offset and length."""
        ends = [0, *(end for _, end in self.parts)]
        begins = [*(begin for begin, _ in self.parts), self.size]
        return [(end, begin - end) for end, begin in zip(ends, begins, strict=True) if begin > end]


@dataclass(slots=True, kw_only=True)
class Transfer:
    """The files of one alarm, on one connection."""

    mark: str
    files: dict[str, File]

    @property
    def is_done(self) -> bool:
        """Whether all has come, and no picture is still to be kept."""
        return not any(file.gaps() or file.content is not None for file in self.files.values())

    def begin(self, body: bytes) -> File:
        """Take the announcement of a file.

        Raises:
            FrameError: it is not on the list.
        """
        name, kind, size = read_file(body)
        file = self.files.get(name)
        if file is None or file.size != size:
            raise FrameError(f"{name[:60]!r} of {size} bytes is not on the list")
        file.begin(kind, room=MOST_HELD_BYTES - sum(len(each.content or b"") for each in self.files.values()))
        return file

    def add(self, chunk: Chunk) -> None:
        """Take a piece.

        Raises:
            FrameError: of a file that is not on the list, or outside of it.
        """
        file = self.files.get(chunk.name)
        if file is None:
            raise FrameError(f"{chunk.name[:60]!r} is not on the list")
        file.add(chunk)


def ask_body(*, host: str, port: int, identity: bytes, mark: str) -> bytes:
    """0x9208: where to bring the attachments of an alarm, and under which mark."""
    address = host.encode("ascii")
    return bytes([len(address)]) + address + struct.pack(">HH", port, 0) + identity + mark.encode("ascii") + bytes(16)


def read_list(body: bytes) -> Transfer:
    """0x1210: the files of an alarm, with the mark that was given out for it.

    Raises:
        FrameError: it is none, or more than is taken.
    """
    at = 7 + IDENTITY_BYTES
    mark = body[at : at + MARK_BYTES].decode("ascii", errors="replace").rstrip("\x00")
    at += MARK_BYTES + 1
    if len(body) <= at:
        raise FrameError("the list of attachments is cut off")
    count, at = body[at], at + 1
    if count > MOST_FILES:
        raise FrameError(f"{count} attachments; at most {MOST_FILES} are taken")
    files: dict[str, File] = {}
    for _ in range(count):
        name, at = _name(body, at)
        size = int.from_bytes(_exactly(body, at, 4))
        if not 1 <= size <= MOST_BYTES:
            raise FrameError(f"{name[:60]!r} has {size} bytes; 1 to {MOST_BYTES} are taken")
        files[name] = File(name=name, size=size)
        at += 4
    return Transfer(mark=mark, files=files)


def read_file(body: bytes) -> tuple[str, int, int]:
    """0x1211 and 0x1212: name, kind and size of a file.

    Raises:
        FrameError: it is cut off.
    """
    name, at = _name(body, 0)
    kind = _exactly(body, at, 1)[0]
    return name, kind, int.from_bytes(_exactly(body, at + 1, 4))


def file_answer_body(file: File) -> bytes:
    """0x9212: whether a file is complete, and what is to be sent again."""
    gaps = file.gaps()[:MOST_GAPS]
    name = file.name.encode("ascii")
    head = bytes([len(name)]) + name + bytes([file.kind, 1 if gaps else 0, len(gaps)])
    return head + b"".join(struct.pack(">II", *gap) for gap in gaps)


def _name(body: bytes, at: int) -> tuple[str, int]:
    size = _exactly(body, at, 1)[0]
    name = _exactly(body, at + 1, size).decode("ascii", errors="replace")
    if not name.isascii() or not name.isprintable() or not name:
        raise FrameError(f"{name[:60]!r} is no name of a file")
    return name, at + 1 + size


def _exactly(body: bytes, at: int, size: int) -> bytes:
    part = body[at : at + size]
    if len(part) != size:
        raise FrameError("the message is cut off")
    return part
