from pathlib import Path

import pytest

from cloud.cases.actors import add_actor, load_actors
from cloud.cases.model import Role
from cloud.errors import ConfigError


def add(path: Path, name: str = "desk", role: Role = Role.OPERATOR, **more: str) -> None:
    add_actor(path, name=name, role=role, unit=more.get("unit"), crew=more.get("crew"), token=f"token-of-{name}")


def test_actor_is_found_by_the_token_that_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "actors.toml"
    add(path)
    add(path, "crew-1", Role.CREW, unit="roads", crew="roads-1")
    actors = load_actors(path)
    found = actors.find("token-of-crew-1")

    assert found is not None
    assert (found.name, found.role, found.crew) == ("crew-1", Role.CREW, "roads-1")
    assert actors.find("token-of-nobody") is None
    assert "token-of" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "role"),
    [("desk", Role.OPERATOR), ("Desk!", Role.OPERATOR), ("crew-1", Role.CREW), ("robot", Role.SYSTEM)],
    ids=["name twice", "name's form", "crew without unit", "nobody is the system"],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, name: str, role: Role) -> None:
    path = tmp_path / "actors.toml"
    add(path)
    before = path.read_text()

    with pytest.raises(ConfigError):
        add(path, name, role)
    assert path.read_text() == before
