"""A release for buses: a zip file with `package.toml` and what it brings, signed with minisign by who made it.

`package.toml` has `kind` (model or settings), `name` and `version`. A model lies there as `manifest.toml` with the
files that it names; settings as `settings.toml`, written like the bus's own file. The signature is over the whole
file, so nothing of it is read before it is known who made it.
"""

import io
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import minisign
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from wire.errors import PackageError

MAX_BYTES: Final = 64 * 2**20  # of the file, and of what it unpacks to
MAX_FILES: Final = 64
ABOUT: Final = "package.toml"
MANIFEST: Final = "manifest.toml"
SETTINGS: Final = "settings.toml"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)  # that a zip file knows: one content makes one file


class PackageKind(StrEnum):
    """What a package changes on a bus."""

    MODEL = "model"
    SETTINGS = "settings"


_NEEDS: Final = {PackageKind.MODEL: MANIFEST, PackageKind.SETTINGS: SETTINGS}


@checked_dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a package says of itself."""

    kind: PackageKind
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package whose signature was checked."""

    about: About
    signed_by: str  # public key
    files: Mapping[str, bytes]  # by plain name, without `package.toml`

    def settings(self) -> dict[str, Any]:
        """What a package of settings asks for, as tables of the bus's file.

        Raises:
            PackageError: it is no TOML.
        """
        return _toml(SETTINGS, self.files[SETTINGS])


def write_package(about: About, files: Mapping[str, bytes]) -> bytes:
    """Make a package; the same content makes the same bytes.

    Raises:
        PackageError: a file is missing, is too much, or has a name that no package has.
    """
    _check_names(about.kind, files)
    if sum(map(len, files.values())) > MAX_BYTES:
        raise PackageError(f"the files are larger than {MAX_BYTES} bytes together")
    lines = [f'kind = "{about.kind}"', f'name = "{about.name}"', f'version = "{about.version}"']
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(ABOUT, "\n".join([*lines, ""]).encode()), *sorted(files.items())]:
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def read_package(content: bytes, *, signature: str, keys: Sequence[str]) -> Package:
    """Read a package that one of the keys has signed; `keys` are public keys as minisign writes them, in base64.

    Raises:
        PackageError: nobody whom we trust has signed it, or it is no package.
    """
    if len(content) > MAX_BYTES:
        raise PackageError(f"{len(content)} bytes; at most {MAX_BYTES} are expected")
    signed_by = _who_signed(content, signature, keys)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = _unpack(archive)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise PackageError(f"no zip file: {error}") from error
    try:
        about = _ABOUT.validate_python(_toml(ABOUT, files.pop(ABOUT, b"")))
    except ValidationError as error:
        problems = "; ".join(f"{problem['loc']}: {problem['msg']}" for problem in error.errors())
        raise PackageError(f"{ABOUT}: {problems}") from error
    _check_names(about.kind, files)
    return Package(about=about, signed_by=signed_by, files=files)


_ABOUT: Final = TypeAdapter(About)


def _who_signed(content: bytes, signature: str, keys: Sequence[str]) -> str:
    try:
        signed = minisign.Signature.from_bytes(signature.encode())
    except (minisign.Error, ValueError) as error:
        raise PackageError(f"no signature of minisign: {error}") from error
    if not signed.is_prehashed():
        raise PackageError("a signature of the old kind (minisign -l); a prehashed one is expected")
    for text in keys:
        try:
            key = minisign.PublicKey.from_base64(text)
            key.verify(content, signed)
        except minisign.VerifyError:
            continue
        except (minisign.Error, ValueError) as error:
            raise PackageError(f"{text[:80]!r} is no public key of minisign: {error}") from error
        return text
    raise PackageError("none of the trusted keys has signed this package")


def _unpack(archive: zipfile.ZipFile) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise PackageError(f"{len(entries)} files; at most {MAX_FILES} are expected")
    left = MAX_BYTES
    files: dict[str, bytes] = {}
    for entry in entries:
        with archive.open(entry) as file:
            content = file.read(left + 1)  # what an entry says of its size need not be true
        left -= len(content)
        if left < 0:
            raise PackageError(f"it unpacks to more than {MAX_BYTES} bytes")
        if entry.filename in files:
            raise PackageError(f"{entry.filename!r} is in it twice")
        files[entry.filename] = content
    return files


def _check_names(kind: PackageKind, files: Mapping[str, bytes]) -> None:
    for name in files:
        if not name or name.startswith(".") or not all(letter.isalnum() or letter in "._-" for letter in name):
            raise PackageError(f"{name[:80]!r}: a plain file name is expected, without folders")
    if _NEEDS[kind] not in files:
        raise PackageError(f"a package of kind {kind} needs {_NEEDS[kind]}")


def _toml(name: str, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackageError(f"{name}: {error}") from error
