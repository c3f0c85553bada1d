"""Look into a picture before it is kept: the announced format and size, readable, and nothing else inside.

Metadata (EXIF, XMP, comments, bytes behind the end) may name a place or a camera, or carry the picture as it was
before faces and plates were blurred: a preview in EXIF does. Such a picture is refused, not cleaned, since cleaning
would change its hash.
"""

import io
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image

from cloud.errors import PictureRefusedError

_FORMAT_OF_MEDIA_TYPE: Final = {"image/jpeg": "JPEG", "image/webp": "WEBP"}

# JPEG (ITU-T T.81, table B.1): what a plain picture is made of. APP0 is JFIF; every other APPn and COM is metadata.
_APP0, _SOS, _EOI = 0xE0, 0xDA, 0xD9
_JFIF_BYTES: Final = 16  # ITU-T T.871, section 10.1; a longer one, and JFXX, carry a preview
_JPEG_PARTS: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, _APP0, _SOS})
# WebP (RFC 9649, section 2.7): picture data and its alpha channel.
_WEBP_CHUNKS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})


MAX_PIXELS: Final = 40_000_000  # of a picture whose size nobody announced


def inspect(payload: bytes, media_type: str, size: tuple[int, int]) -> None:
    """Check a whole picture against its announcement; the size is width and height in pixels.

    Raises:
        PictureRefusedError: saying why.
    """
    _check_parts(_jpeg_parts(payload) if media_type == "image/jpeg" else _webp_parts(payload))
    with _opened(payload, media_type) as image:
        if image.size != size:
            raise PictureRefusedError(f"the picture is {image.size}; {size} was announced")


def inspect_unannounced(payload: bytes) -> None:
    """Check a JPEG of any size within bounds.

    Raises:
        PictureRefusedError: saying why.
    """
    _check_parts(_jpeg_parts(payload))
    with _opened(payload, "image/jpeg") as image:
        if image.width * image.height > MAX_PIXELS:
            raise PictureRefusedError(f"the picture is {image.size}; at most {MAX_PIXELS} pixels are expected")


def _check_parts(parts: Iterator[int] | Iterator[bytes]) -> None:
    for part in parts:
        if part not in _JPEG_PARTS | _WEBP_CHUNKS:
            name = part.decode(errors="replace") if isinstance(part, bytes) else f"0xFF{part:02X}"
            raise PictureRefusedError(f"the picture carries metadata (part {name}); send it without")


@contextmanager
def _opened(payload: bytes, media_type: str) -> Generator[Image.Image]:
    """Open a picture, and decode it after its size was looked at: no small file can unpack into a huge one."""
    try:
        with Image.open(io.BytesIO(payload), formats=[_FORMAT_OF_MEDIA_TYPE[media_type]]) as image:
            yield image
            image.load()
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise PictureRefusedError(f"the picture cannot be decoded: {error}") from error


def _jpeg_parts(payload: bytes) -> Iterator[int]:
    """Yield the marker of each segment up to the end of the image, which must be the end of the bytes."""
    if payload[:2] != b"\xff\xd8":
        raise PictureRefusedError("the picture is no JPEG")
    at = 2
    while (marker := _marker(payload, at)) != _EOI:
        yield marker
        length = _segment_length(payload, at + 2)
        if marker == _APP0 and length > _JFIF_BYTES:
            raise PictureRefusedError("the picture carries metadata (a preview in part 0xFFE0); send it without")
        at += 2 + length
        if marker == _SOS:
            at = _end_of_scan(payload, at)
    if at + 2 != len(payload):
        raise PictureRefusedError(f"{len(payload) - at - 2} bytes stand behind the end of the picture")


def _marker(payload: bytes, at: int) -> int:
    if at + 2 > len(payload) or payload[at] != 0xFF:  # noqa: PLR2004 - every marker begins with it
        raise PictureRefusedError(f"the picture is cut or damaged at byte {at}")
    return payload[at + 1]


def _segment_length(payload: bytes, at: int) -> int:
    length = int.from_bytes(payload[at : at + 2], "big")
    if length < 2 or at + length > len(payload):  # noqa: PLR2004 - the length counts its own two bytes
        raise PictureRefusedError(f"the picture is cut or damaged at byte {at}")
    return length


def _end_of_scan(payload: bytes, at: int) -> int:
    """Find the next marker behind entropy-coded data: 0xFF not followed by a stuffed zero or a restart marker."""
    while (at := payload.find(b"\xff", at)) != -1 and at + 1 < len(payload):
        follower = payload[at + 1]
        if follower != 0 and not 0xD0 <= follower <= 0xD7:  # noqa: PLR2004 - RST0 to RST7
            return at
        at += 2
    raise PictureRefusedError("the picture has no end")


def _webp_parts(payload: bytes) -> Iterator[bytes]:
    """Yield the name of each chunk."""
    if payload[:4] != b"RIFF" or payload[8:12] != b"WEBP":
        raise PictureRefusedError("the picture is no WebP")
    if int.from_bytes(payload[4:8], "little") + 8 != len(payload):
        raise PictureRefusedError("bytes stand behind the end of the picture, or it is cut")
    at = 12
    while at < len(payload):
        yield payload[at : at + 4]
        length = int.from_bytes(payload[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
