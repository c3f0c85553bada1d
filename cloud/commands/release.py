"""`busense release`: make a package for buses, sign it, and give it to the cloud for roll-outs."""

import getpass
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import click
import minisign

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.errors import RollOutError
from cloud.fleet.releases import add_release
from telemetry.replaced import replaced
from wire.package import MANIFEST, SETTINGS, About, PackageKind, write_package

PASSWORD_VARIABLE: Final = "BUSENSE_RELEASE_PASSWORD"  # noqa: S105 - its name
BESIDE: Final = ("error_model.json",)
"""What a bus reads beside the manifest, where it is."""

_file = click.Path(path_type=Path, dir_okay=False)
_existing = click.Path(path_type=Path, dir_okay=False, exists=True)
_folder = click.Path(path_type=Path, file_okay=False, exists=True)
_out_option = click.option("--out", type=_file, required=True, help="Where the package is written.")
_password_option = click.option(
    "--password",
    envvar=PASSWORD_VARIABLE,
    show_envvar=True,
    prompt="Password of the key",
    hide_input=True,
    help="Of the key file; asked for when it is not given.",
)


@click.group()
def release() -> None:
    """Signed packages for buses."""


@release.command("key")
@click.argument("file", type=_file)
@_password_option
def make_key(file: Path, password: str) -> None:
    """Make a signing key in FILE, under a password, and print its public key for clouds and buses.

    Keep FILE away from both: on the machine of who makes releases.
    """
    if file.exists():
        raise RollOutError(f"{file} is there already; a key is never written over")
    pair = minisign.KeyPair.generate()
    pair.secret_key.encrypt(password)
    with replaced(file, is_private=True) as draft:
        draft.write(bytes(pair.secret_key))
    click.echo(pair.public_key.to_base64().decode())


@release.command("model")
@click.argument("folder", type=_folder)
@_out_option
def pack_model(folder: Path, out: Path) -> None:
    """Pack the model in FOLDER: its manifest.toml, the files that it names, and how often it errs."""
    manifest = _read_toml(folder / MANIFEST)
    tables = [manifest, *(cast("dict[str, Any]", part) for part in manifest.values() if isinstance(part, dict))]
    names = [MANIFEST, *(str(table["file"]) for table in tables if "file" in table)]
    names += [name for name in BESIDE if (folder / name).is_file()]
    files = {name: _read(folder / name) for name in names}
    about = _about(PackageKind.MODEL, str(manifest.get("name")), str(manifest.get("version")))
    _write(out, about, files)


@release.command("settings")
@click.argument("file", type=_existing)
@click.option("--name", required=True)
@click.option("--version", required=True)
@_out_option
def pack_settings(file: Path, name: str, version: str, out: Path) -> None:
    """Pack the settings in FILE, written like a bus's own file."""
    _read_toml(file)
    _write(out, _about(PackageKind.SETTINGS, name, version), {SETTINGS: file.read_bytes()})


@release.command("sign")
@click.argument("package", type=_existing)
@click.option("--key", type=_existing, required=True, help="The signing key.")
@_password_option
def sign(package: Path, key: Path, password: str) -> None:
    """Sign PACKAGE: writes PACKAGE.minisig beside it, as `minisign -S` would."""
    try:
        secret = minisign.SecretKey.from_file(key)
        secret.decrypt(password)
        signature = secret.sign(package.read_bytes(), trusted_comment=f"file:{package.name}")
    except (minisign.Error, ValueError) as error:
        raise RollOutError(f"{key}: {error}; is it the right password?") from error
    target = _signature_file(package)
    target.write_bytes(bytes(signature))
    click.echo(f"signed: {target}")


@release.command("add")
@config_option
@click.argument("package", type=_existing)
def add(package: Path, config: Path | None) -> None:
    """Give PACKAGE, which lies beside its PACKAGE.minisig, to the cloud; a roll-out brings it to the buses."""
    settings = load_config(config)
    target = _signature_file(package)
    if not target.is_file():
        raise RollOutError(f"{target} is missing: sign the package first (busense release sign)")
    if not settings.fleet.release_keys:
        raise RollOutError("fleet.release_keys is empty: the public key of who signs releases is expected")
    content, signature, actor = package.read_bytes(), _read_text(target), f"command line ({_who()})"
    keys, at = settings.fleet.release_keys, datetime.now(UTC)
    with connect(settings.database.read_url()) as connection:
        sha256 = add_release(connection, content, signature=signature, keys=keys, actor=actor, at=at)
    click.echo(f"release {sha256}")


def _about(kind: PackageKind, name: str, version: str) -> About:
    try:
        return About(kind=kind, name=name, version=version)
    except ValueError as error:
        raise RollOutError(f"name {name!r}, version {version!r}: {error}") from error


def _write(out: Path, about: About, files: dict[str, bytes]) -> None:
    content = write_package(about, files)
    out.write_bytes(content)
    click.echo(f"{about.kind} {about.name} {about.version}: {len(content)} bytes in {out}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RollOutError(f"{path}: {error.strerror}") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RollOutError(f"{path}: {error}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise RollOutError(f"{path}: {error}") from error


def _who() -> str:
    try:
        return getpass.getuser()
    except KeyError:  # in a container a user may have a number and no name
        return f"user {os.getuid()}"


def _signature_file(package: Path) -> Path:
    return package.with_name(f"{package.name}.minisig")
