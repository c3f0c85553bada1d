"""A generation: all that a version of the desired twin brings, whole in a folder of its own."""

import hashlib
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from edge_agent.config import AgentConfig, Document, check_document, read_document
from edge_agent.durable import make_folder, sync_folder, write_file
from edge_agent.errors import UpdateError
from edge_agent.updates.merge import merged
from edge_agent.updates.wanted import Wanted, read_wanted
from wire.messages import Settings
from wire.package import MANIFEST, SETTINGS, Package
from wire.units import Count, Sha256

ABOUT: Final = "generation.json"
MODEL: Final = "model"
SHADOW: Final = "shadow"


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(strict=True))
class _About:
    version: Count
    settings: Settings
    files: Annotated[dict[str, Sha256], Field(max_length=256)]  # by path in the folder


_ABOUT: Final = TypeAdapter(_About)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What is used beside the bus's own file."""

    version: int
    settings: Settings  # as desired
    package: Mapping[str, Any] = field(default_factory=dict[str, Any])  # tables like those of the bus's file
    manifest: Path | None = None
    shadow_manifest: Path | None = None  # of the model that only looks on


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """The bus's own configuration file, read once."""

    path: Path
    document: Document

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it.

        Raises:
            ConfigurationError: it is no TOML.
        """
        return cls(path=path, document=read_document(path))

    def with_generation(self, generation: Generation | None) -> AgentConfig:
        """The configuration that is in use with a generation.

        Raises:
            ConfigurationError: they do not go together.
        """
        if generation is None:
            return self._checked(self.document, str(self.path))
        wanted = read_wanted(generation.settings)
        document = merged(
            self.document,
            package=generation.package,
            pose=wanted.pose,
            manifest=generation.manifest,
            shadow=_shadow(generation, wanted),
        )
        return self._checked(document, f"{self.path} with version {generation.version}")

    def _checked(self, document: Document, name: str) -> AgentConfig:
        return check_document(document, folder=self.path.resolve().parent, name=name)


def _shadow(generation: Generation, wanted: Wanted) -> Mapping[str, Any] | None:
    if generation.shadow_manifest is None:
        return None
    return {"manifest": str(generation.shadow_manifest), "package": wanted.shadow, "share": wanted.shadow_share}


def write_generation(
    folder: Path,
    *,
    version: int,
    settings: Settings,
    model: Package | None,
    package: Package | None,
    shadow: Package | None = None,
) -> None:
    """Write a generation in the place of whatever lies there; the file that vouches for the others comes last.

    Raises:
        OSError: the disk does not take it.
    """
    files: dict[str, bytes] = {}
    for name, unpacked in ((MODEL, model), (SHADOW, shadow)):
        if unpacked is not None:
            files |= {f"{name}/{file}": content for file, content in unpacked.files.items()}
    if package is not None:
        files[SETTINGS] = package.files[SETTINGS]
    make_folder(folder.parent)
    if folder.exists():
        shutil.rmtree(folder)
    for name in (MODEL, SHADOW):
        (folder / name).mkdir(parents=True)
    for name, content in files.items():
        write_file(folder / name, content)
    for name in (MODEL, SHADOW):
        sync_folder(folder / name)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    write_file(folder / ABOUT, _ABOUT.dump_json(_About(version=version, settings=settings, files=hashes)))
    sync_folder(folder)
    sync_folder(folder.parent)


def read_generation(folder: Path) -> Generation:
    """Read a generation, if all of it is as it was written.

    Raises:
        UpdateError: it is not.
    """
    try:
        about = _ABOUT.validate_json((folder / ABOUT).read_bytes())
        contents = {name: (folder / name).read_bytes() for name in about.files}
    except (OSError, ValidationError) as error:
        raise UpdateError(f"{folder.name}: the generation there cannot be read") from error
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != about.files[name]:
            raise UpdateError(f"{folder.name}/{name} is not as it was written")
    manifests = {name: folder / name / MANIFEST for name in (MODEL, SHADOW) if f"{name}/{MANIFEST}" in contents}
    return Generation(
        version=about.version,
        settings=about.settings,
        package=tomllib.loads(contents[SETTINGS].decode()) if SETTINGS in contents else {},
        manifest=manifests.get(MODEL),
        shadow_manifest=manifests.get(SHADOW),
    )
