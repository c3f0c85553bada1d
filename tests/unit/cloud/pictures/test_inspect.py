import io
from typing import Any

import pytest
from PIL import Image

from cloud.errors import PictureRefusedError
from cloud.pictures.inspect import inspect

SIZE = (64, 48)


def encode(kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's options
    file = io.BytesIO()
    Image.effect_noise(SIZE, 60).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def exif() -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = "a camera"
    return data


def with_app0(content: bytes) -> bytes:
    """A JPEG whose first segment is another one (T.871: JFIF with a preview, or JFXX)."""
    plain = encode("JPEG")
    behind = 4 + int.from_bytes(plain[4:6], "big")
    return plain[:4] + (2 + len(content)).to_bytes(2, "big") + content + plain[behind:]


JFIF_PREVIEW = b"JFIF\0\1\1\0\0\1\0\1" + bytes([4, 3]) + bytes(3 * 4 * 3)
JFXX_PREVIEW = b"JFXX\0\x10" + encode("JPEG", quality=5)


@pytest.mark.parametrize(
    ("payload", "media_type"),
    [
        pytest.param(encode("JPEG"), "image/jpeg", id="JPEG"),
        pytest.param(encode("JPEG", progressive=True), "image/jpeg", id="progressive JPEG"),
        pytest.param(encode("JPEG", quality=100, restart_marker_rows=1), "image/jpeg", id="restart markers"),
        pytest.param(encode("WEBP"), "image/webp", id="WebP"),
        pytest.param(encode("WEBP", lossless=True), "image/webp", id="lossless WebP"),
    ],
)
def test_plain_picture_is_taken(payload: bytes, media_type: str) -> None:
    inspect(payload, media_type, SIZE)


@pytest.mark.parametrize(
    ("payload", "media_type"),
    [
        pytest.param(encode("JPEG", exif=exif()), "image/jpeg", id="EXIF in JPEG"),
        pytest.param(encode("JPEG", comment=b"Jia's bus"), "image/jpeg", id="comment"),
        pytest.param(encode("JPEG", icc_profile=b"x" * 200), "image/jpeg", id="colour profile"),
        pytest.param(encode("JPEG", xmp=b"<x/>"), "image/jpeg", id="XMP in JPEG"),
        pytest.param(with_app0(JFIF_PREVIEW), "image/jpeg", id="preview in JFIF"),
        pytest.param(with_app0(JFXX_PREVIEW), "image/jpeg", id="preview in JFXX"),
        pytest.param(encode("WEBP", exif=exif()), "image/webp", id="EXIF in WebP"),
        pytest.param(encode("WEBP", xmp=b"<x/>"), "image/webp", id="XMP in WebP"),
    ],
)
def test_metadata_is_refused(payload: bytes, media_type: str) -> None:
    with pytest.raises(PictureRefusedError, match="metadata"):
        inspect(payload, media_type, SIZE)


@pytest.mark.parametrize(
    ("payload", "media_type"),
    [
        pytest.param(encode("JPEG") + b"more", "image/jpeg", id="bytes behind a JPEG"),
        pytest.param(encode("JPEG")[:-200], "image/jpeg", id="cut JPEG"),
        pytest.param(encode("WEBP") + b"more", "image/webp", id="bytes behind a WebP"),
        pytest.param(encode("WEBP")[:-50], "image/webp", id="cut WebP"),
        pytest.param(encode("PNG"), "image/jpeg", id="other format"),
        pytest.param(encode("WEBP"), "image/jpeg", id="other announced format"),
        pytest.param(b"", "image/jpeg", id="nothing"),
        pytest.param(b"\xff\xd8", "image/jpeg", id="begin only"),
        pytest.param(b"\xff\xd8\xff\xd9", "image/jpeg", id="begin and end only"),
        pytest.param(b"\xff\xd8\xff\xda\x00\x01", "image/jpeg", id="length too small"),
        pytest.param(b"RIFF\x04\x00\x00\x00WEBP", "image/webp", id="empty WebP"),
    ],
)
def test_what_is_not_exactly_one_picture_is_refused(payload: bytes, media_type: str) -> None:
    with pytest.raises(PictureRefusedError):
        inspect(payload, media_type, SIZE)


def test_other_size_than_announced_is_refused_before_it_is_unpacked() -> None:
    payload = encode("JPEG")
    with pytest.raises(PictureRefusedError, match="announced"):
        inspect(payload, "image/jpeg", (64, 49))
