"""Frames: `7e | header | body | check | 7e`, the header of 2013 or of 2019, and messages in several parts. Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cloud.errors import FrameError

FLAG: Final = 0x7E
MOST_BODY: Final = 0x3FF
MOST_CONTENT: Final = 2 * (17 + 4 + MOST_BODY + 1)  # between two flags, when every byte is escaped
MOST_PARTS: Final = 64
MOST_ASSEMBLIES: Final = 4
PART_WAITS: Final = timedelta(seconds=60)
CHUNK_MARK: Final = b"01cd"
MOST_CHUNK: Final = 65_536

_IS_2019: Final = 1 << 14
_IS_SPLIT: Final = 1 << 13
_ENCRYPTION: Final = 0b111 << 10
_CHUNK_HEAD: Final = struct.Struct(">4s50sII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message, or one part of it."""

    message_id: int
    phone: str  # 12 digits, or 20 of the version of 2019
    serial: int
    body: bytes
    is_2019: bool = False
    is_encrypted: bool = False
    part: tuple[int, int] | None = None  # number from 1, and how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of an attachment, which is no frame."""

    name: str
    offset: int
    content: bytes


def encode_frame(frame: Frame) -> bytes:
    """Write a frame.

    Raises:
        ValueError: the body is too long for one frame.
    """
    if len(frame.body) > MOST_BODY:
        raise ValueError(f"{len(frame.body)} bytes; a frame has at most {MOST_BODY}")
    properties = len(frame.body) | (_IS_2019 if frame.is_2019 else 0) | (_IS_SPLIT if frame.part else 0)
    properties |= (1 << 10) if frame.is_encrypted else 0
    head = struct.pack(">HH", frame.message_id, properties) + (b"\x01" if frame.is_2019 else b"")
    head += bytes.fromhex(frame.phone) + struct.pack(">H", frame.serial)
    if frame.part is not None:
        number, total = frame.part
        head += struct.pack(">HH", total, number)
    content = head + frame.body
    return b"\x7e" + escape(content + bytes([check_of(content)])) + b"\x7e"


def decode_frame(escaped: bytes) -> Frame:
    """Read what stands between two flags.

    Raises:
        FrameError: it is none.
    """
    content = unescape(escaped)
    if len(content) < 13:  # noqa: PLR2004 - the shortest header and the check
        raise FrameError(f"{len(content)} bytes are no frame")
    if check_of(content) != 0:
        raise FrameError("the check byte is wrong")
    message_id, properties = struct.unpack_from(">HH", content)
    is_2019 = bool(properties & _IS_2019)
    phone_at, phone_bytes = (5, 10) if is_2019 else (4, 6)
    body_at = phone_at + phone_bytes + 2 + (4 if properties & _IS_SPLIT else 0)
    if len(content) != body_at + (properties & MOST_BODY) + 1:
        raise FrameError(f"the header says {properties & MOST_BODY} bytes of body, {len(content) - body_at - 1} came")
    return Frame(
        message_id=message_id,
        phone=_digits(content[phone_at : phone_at + phone_bytes]),
        serial=int.from_bytes(content[phone_at + phone_bytes : phone_at + phone_bytes + 2]),
        body=content[body_at:-1],
        is_2019=is_2019,
        is_encrypted=bool(properties & _ENCRYPTION),
        part=_part(content[body_at - 4 : body_at]) if properties & _IS_SPLIT else None,
    )


def check_of(content: bytes) -> int:
    """Each bit says whether its ones are odd in number; over content and check it is zero."""
    check = 0
    for byte in content:
        check ^= byte
    return check


def escape(content: bytes) -> bytes:
    """Hide flags in the content."""
    return content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(escaped: bytes) -> bytes:
    """Undo it.

    Raises:
        FrameError: an escape that is none.
    """
    if escaped.count(b"\x7d") != escaped.count(b"\x7d\x01") + escaped.count(b"\x7d\x02"):
        raise FrameError("7d is followed by neither 01 nor 02")
    return escaped.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def split(message: Frame) -> Iterator[Frame]:
    """Parts of a message that is too long for one frame, with serials that follow each other."""
    pieces = [message.body[at : at + MOST_BODY] for at in range(0, len(message.body), MOST_BODY)] or [b""]
    if len(pieces) == 1:
        yield message
        return
    for number, piece in enumerate(pieces):
        serial = (message.serial + number) & 0xFFFF
        yield replace(message, body=piece, serial=serial, part=(number + 1, len(pieces)))


def _digits(bcd: bytes) -> str:
    digits = bcd.hex()
    if not digits.isdecimal():
        raise FrameError(f"phone {digits} is no number")
    return digits


def _part(fields: bytes) -> tuple[int, int]:
    total, number = struct.unpack(">HH", fields)
    if not 1 <= number <= total <= MOST_PARTS:
        raise FrameError(f"part {number} of {total}; at most {MOST_PARTS} are taken")
    return number, total


class Splitter:
    """Bytes in, as they come; frames (between their flags) and chunks out. It never keeps more than one of them."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Chunk]:
        """Take bytes and yield what is complete.

        Raises:
            FrameError: what comes is neither; nothing after it can be found.
        """
        self._waiting += data
        while self._waiting:
            found = self._frame() if self._waiting[0] == FLAG else self._chunk()
            if found is None:
                return
            if found:
                yield found

    def _frame(self) -> bytes | None:
        """Content of the next frame; empty between two flags that touch, none while it is not complete."""
        end = self._waiting.find(FLAG, 1)
        if (len(self._waiting) if end < 0 else end) > MOST_CONTENT + 1:
            raise FrameError(f"no flag within {MOST_CONTENT} bytes")
        if end < 0:
            return None
        content = bytes(self._waiting[1:end])
        del self._waiting[: end + 1 if content else 1]
        return content

    def _chunk(self) -> Chunk | None:
        head = bytes(self._waiting[: len(CHUNK_MARK)])
        if not CHUNK_MARK.startswith(head):
            raise FrameError(f"{head.hex()} begins neither a frame nor an attachment")
        if len(self._waiting) < _CHUNK_HEAD.size:
            return None
        _, name, offset, size = _CHUNK_HEAD.unpack_from(self._waiting)
        if size > MOST_CHUNK:
            raise FrameError(f"a piece of {size} bytes; at most {MOST_CHUNK} are taken")
        if len(self._waiting) < _CHUNK_HEAD.size + size:
            return None
        content = bytes(self._waiting[_CHUNK_HEAD.size : _CHUNK_HEAD.size + size])
        del self._waiting[: _CHUNK_HEAD.size + size]
        return Chunk(name=name.rstrip(b"\x00").decode("ascii", errors="replace"), offset=offset, content=content)


def encode_chunk(chunk: Chunk) -> bytes:
    """Write a piece of an attachment, as a terminal does."""
    return _CHUNK_HEAD.pack(CHUNK_MARK, chunk.name.encode("ascii"), chunk.offset, len(chunk.content)) + chunk.content


@dataclass(slots=True)
class _Assembly:
    begun_at: datetime
    parts: dict[int, bytes]


class Assembler:
    """Joins the parts of messages; a few at a time, and not for long."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int, int], _Assembly] = {}

    def add(self, frame: Frame, *, at: datetime) -> Frame | None:
        """Take a frame; the whole message when it is complete."""
        if frame.part is None:
            return frame
        number, total = frame.part
        first_serial = (frame.serial - number + 1) & 0xFFFF
        key = frame.message_id, first_serial, total
        self._open = {key: each for key, each in self._open.items() if at - each.begun_at <= PART_WAITS}
        assembly = self._open.setdefault(key, _Assembly(at, {}))
        assembly.parts[number] = frame.body
        if len(assembly.parts) == total:
            del self._open[key]
            body = b"".join(assembly.parts[each] for each in range(1, total + 1))
            return replace(frame, body=body, part=None)
        while len(self._open) > MOST_ASSEMBLIES:
            del self._open[min(self._open, key=lambda key: self._open[key].begun_at)]
        return None
