"""Data files that a county sets: TOML, checked against a model; a fault is told with its line."""

import tomllib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cloud.errors import ConfigError
from wire.toml_lines import line_of

MAX_BYTES: Final = 1_000_000

Fault = tuple[Sequence[str | int], str]  # keys that lead to it, and what is wrong with it


class Entry(BaseModel):
    """A part of such a file: a key that is not known must not pass in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Entry)


def load_data_file(model: type[Model], path: Path | None, *, shipped: tuple[str, str]) -> Model:
    """Read a data file; without a path the one shipped as (package, name).

    Raises:
        ConfigError: names file, line and key.
    """
    if path is not None:
        return read_data_file(model, path)
    package, name = shipped
    return _checked(model, _read(files(package) / name, name), name)


def read_data_file(model: type[Model], path: Path) -> Model:
    """Read a data file of which none is shipped.

    Raises:
        ConfigError: names file, line and key.
    """
    return _checked(model, _read(path, str(path)), str(path))


def fault_of(path: Path, faults: Iterable[Fault]) -> ConfigError:
    """Say what is wrong with a file that can be read, each fault with its line."""
    return ConfigError(_explain(faults, name=str(path), text=path.read_text(encoding="utf-8")))


def read_tables(path: Path) -> dict[str, Any]:
    """Read the tables of a file as they stand.

    Raises:
        ConfigError: it cannot be read.
    """
    return _parse(_read(path, str(path)), str(path))


def _checked(model: type[Model], text: str, name: str) -> Model:
    try:
        return model.model_validate(_parse(text, name))
    except ValidationError as error:
        faults = ((problem["loc"], problem["msg"]) for problem in error.errors(include_url=False))
        raise ConfigError(_explain(faults, name=name, text=text)) from error


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}") from error


def _read(source: Path | Traversable, name: str) -> str:
    try:
        with source.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise ConfigError(f"{name}: at most {MAX_BYTES} bytes are read")
            return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} cannot be read: {error}") from error


def _explain(faults: Iterable[Fault], *, name: str, text: str) -> str:
    lines = [
        f"{name}, line {line_of(text, [str(key) for key in keys])}: {'.'.join(map(str, keys)) or 'file'}: {what}"
        for keys, what in faults
    ]
    return "\n".join(lines)
