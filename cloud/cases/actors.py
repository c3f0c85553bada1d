"""Who may change cases: a file of names, roles and hashed tokens, until there are accounts."""

import hashlib
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud.cases.model import Actor, Role
from cloud.data_file import load_data_file
from cloud.errors import ConfigError
from wire.units import Sha256

ANYBODY: Final = Actor(name="anybody", role=Role.VIEWER)
_NAME: Final = r"^[a-z][a-z0-9._-]{0,62}$"


class ActorEntry(BaseModel):
    """One who may act; the token itself is not kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)]
    role: Role
    unit: Annotated[str, Field(max_length=32)] | None = None
    crew: Annotated[str, Field(max_length=32)] | None = None
    token_sha256: Sha256

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.role is Role.SYSTEM:
            raise ValueError("nobody is the system but the system")
        if self.role is Role.CREW and (self.unit is None or self.crew is None):
            raise ValueError("a crew needs unit and crew")
        return self


class ActorsFile(BaseModel):
    """The file: `[[actors]]` tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actors: Annotated[list[ActorEntry], Field(max_length=10_000)] = []

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        names = [entry.name for entry in self.actors]
        if doubles := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(doubles)}: a name may stand once")
        return self


class Actors:
    """Those who may act, by their tokens."""

    def __init__(self, entries: list[ActorEntry]) -> None:
        self._by_hash = {
            entry.token_sha256: Actor(name=entry.name, role=entry.role, unit=entry.unit, crew=entry.crew)
            for entry in entries
        }

    def find(self, token: str) -> Actor | None:
        """Tell whose token it is. It has 256 random bits, so a plain hash is enough and a look-up tells nothing."""
        return self._by_hash.get(hash_of(token))


def load_actors(path: Path) -> Actors:
    """Read the file.

    Raises:
        ConfigError: names file, line and key.
    """
    return Actors(load_data_file(ActorsFile, path, shipped=("", "")).actors)


def hash_of(token: str) -> str:
    """SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_actor(path: Path, *, name: str, role: Role, unit: str | None, crew: str | None, token: str) -> None:
    """Append an actor to the file, which only its owner may read.

    Raises:
        ConfigError: the name is taken, or something does not fit.
    """
    path.touch(mode=0o600, exist_ok=True)
    known = load_data_file(ActorsFile, path, shipped=("", ""))
    try:
        entry = ActorEntry(name=name, role=role, unit=unit, crew=crew, token_sha256=hash_of(token))
        ActorsFile(actors=[*known.actors, entry])
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in _values(entry).items()]
    with path.open("a") as file:
        file.write("\n".join(["", "[[actors]]", *lines, ""]))


def _values(entry: ActorEntry) -> dict[str, str]:
    return {key: str(value) for key, value in entry.model_dump(mode="json", exclude_none=True).items()}
