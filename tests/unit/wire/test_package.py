"""A release is read only when somebody whom we trust has signed all of it."""

import io
import zipfile
from collections.abc import Mapping

import minisign
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import PackageError
from wire.package import ABOUT, MANIFEST, MAX_BYTES, MAX_FILES, About, PackageKind, read_package, write_package

OURS = minisign.KeyPair.generate()
FOREIGN = minisign.KeyPair.generate()
KEYS = [OURS.public_key.to_base64().decode()]
MODEL = About(kind=PackageKind.MODEL, name="road_damage", version="0.3.0")
FILES = {MANIFEST: b'name = "road_damage"\n', "model.onnx": bytes(range(256)) * 4}
ABOUT_TEXT = b'kind = "model"\nname = "road_damage"\nversion = "1"\n'


def signed(content: bytes, pair: minisign.KeyPair = OURS) -> str:
    return bytes(pair.secret_key.sign(content)).decode()


def zipped(files: Mapping[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, content)
    return target.getvalue()


def test_what_was_written_is_read_again() -> None:
    content = write_package(MODEL, FILES)
    package = read_package(content, signature=signed(content), keys=KEYS)
    assert (package.about, package.files, package.signed_by) == (MODEL, FILES, KEYS[0])


def test_the_same_content_makes_the_same_bytes() -> None:
    assert write_package(MODEL, FILES) == write_package(MODEL, dict(reversed(FILES.items())))


def test_a_foreign_signature_is_refused() -> None:
    content = write_package(MODEL, FILES)
    with pytest.raises(PackageError, match="none of the trusted keys"):
        read_package(content, signature=signed(content, FOREIGN), keys=KEYS)


def test_without_a_trusted_key_nothing_is_read() -> None:
    content = write_package(MODEL, FILES)
    with pytest.raises(PackageError, match="none of the trusted keys"):
        read_package(content, signature=signed(content), keys=[])


@given(place=st.integers(0, len(write_package(MODEL, FILES)) - 1), bit=st.integers(0, 7))
def test_any_changed_bit_is_seen(place: int, bit: int) -> None:
    content = bytearray(write_package(MODEL, FILES))
    signature = signed(bytes(content))
    content[place] ^= 1 << bit
    with pytest.raises(PackageError, match="none of the trusted keys"):
        read_package(bytes(content), signature=signature, keys=KEYS)


@given(signature=st.text(max_size=400))
def test_any_text_as_a_signature_is_refused(signature: str) -> None:
    with pytest.raises(PackageError):
        read_package(write_package(MODEL, FILES), signature=signature, keys=KEYS)


def test_a_changed_trusted_comment_is_seen() -> None:
    content = write_package(MODEL, FILES)
    altered = signed(content).replace("trusted comment: timestamp", "trusted comment: Timestamp")
    with pytest.raises(PackageError, match="none of the trusted keys"):
        read_package(content, signature=altered, keys=KEYS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip file at all", "no zip file"),
        (zipped({MANIFEST: b""}), "package.toml"),
        (zipped({ABOUT: b"\xff", MANIFEST: b""}), "package.toml"),
        (zipped({ABOUT: ABOUT_TEXT}), "needs manifest.toml"),
        (zipped({ABOUT: ABOUT_TEXT, MANIFEST: b"", "../agent.toml": b""}), "plain file name"),
        (zipped({ABOUT: ABOUT_TEXT, MANIFEST: b"", "a/b": b""}), "plain file name"),
        (zipped({ABOUT: ABOUT_TEXT, MANIFEST: b"", ".profile": b""}), "plain file name"),
        (zipped({ABOUT: ABOUT_TEXT.replace(b"model", b"firmware"), MANIFEST: b""}), "kind"),
        (zipped({str(number): b"" for number in range(MAX_FILES + 1)}), "at most 64"),
        (zipped({ABOUT: ABOUT_TEXT, MANIFEST: bytes(MAX_BYTES)}), "unpacks to more"),
    ],
)
def test_what_is_no_package_is_refused_in_plain_words(content: bytes, words: str) -> None:
    with pytest.raises(PackageError, match=words):
        read_package(content, signature=signed(content), keys=KEYS)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused() -> None:
    content = zipped([(ABOUT, ABOUT_TEXT), (MANIFEST, b"a"), (MANIFEST, b"b")])
    with pytest.raises(PackageError, match="twice"):
        read_package(content, signature=signed(content), keys=KEYS)


def test_settings_are_tables() -> None:
    about = About(kind=PackageKind.SETTINGS, name="winter", version="1")
    content = write_package(about, {"settings.toml": b"[health]\nevery_s = 30\n"})
    assert read_package(content, signature=signed(content), keys=KEYS).settings() == {"health": {"every_s": 30}}
