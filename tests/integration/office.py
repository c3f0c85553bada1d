# ruff: noqa: ANN401 - JSON is of any type
"""A desk and two crews with tokens, at a running server over a town's database."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from psycopg import Connection

from cloud.db.pool import connect
from cloud.people.accounts import Accounts, Wish
from cloud.people.model import Actor, Role
from cloud.people.permissions import FOR_TOKENS, GRANTS
from cloud.people.tokens import add_token
from tests.integration.api_server import running_server
from tests.integration.town import Town

PEOPLE = {
    "desk": (Role.OPERATOR, None, None),
    "boss": (Role.ADMIN, None, None),
    "guest": (Role.VIEWER, None, None),
    "crew-1": (Role.CREW, "roads", "roads-1"),
    "crew-2": (Role.CREW, "roads", "roads-2"),
}


@dataclass(kw_only=True)
class Office:
    """Who can do something with cases."""

    api: httpx.Client
    town: Town
    keys: Any = field(default_factory=lambda: count(1))

    def act(self, who: str, case: dict[str, Any], action: str, *, key: str = "", **more: Any) -> httpx.Response:
        """Ask for an action."""
        body = {"action": action, "version": case["version"]} | more
        headers = headers_of(who) | {"Idempotency-Key": key or f"test-key-{next(self.keys)}"}
        return self.api.post(f"/cases/{case['id']}/actions", json=body, headers=headers)

    def acted(self, who: str, case: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
        """Ask for an action that must be done."""
        response = self.act(who, case, action, **more)
        assert response.status_code == 200, response.text
        return response.json()

    def case(self, case_id: str | None = None, *, who: str | None = None) -> dict[str, Any]:
        """Get a case; without an id the only one."""
        found = case_id or self.api.get("/cases").json()["items"][0]["id"]
        return self.api.get(f"/cases/{found}", headers=headers_of(who) if who else {}).json()

    def reported_case(self) -> dict[str, Any]:
        """Get a crack that waits for a person to file it."""
        self.town.sees(bus="bus-1", class_code="D00")
        self.town.sees(bus="bus-2", minutes=10, class_code="D00")
        self.town.store()
        self.town.work()
        return self.case()

    def accepted_case(self) -> dict[str, Any]:
        """Get a case that crew 1 has accepted."""
        case = self.acted("desk", self.reported_case(), "file")
        case = self.acted("desk", case, "dispatch", crew="roads-1")
        return self.acted("crew-1", case, "accept")

    def done_case(self) -> dict[str, Any]:
        """Get a case that crew 1 says to have repaired."""
        return self.acted("crew-1", self.accepted_case(), "done")


def token_of(who: str) -> str:
    return f"token-of-{who}-" + "x" * 32


def headers_of(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(who)}"}


def add_people(database: str) -> None:
    """Give everybody an account, and a token for all that the role may do."""
    with connect(database) as connection:
        for name, (role, unit, crew) in PEOPLE.items():
            add_person(connection, Wish(name=name, role=role, unit=unit, crew=crew), token=token_of(name))


def add_person(connection: Connection[Any], wish: Wish, *, token: str) -> None:
    """Give somebody an account with a token."""
    at = datetime.now(UTC)
    Accounts(connection=connection, at=at, actor="test").add(wish)
    actor = Actor(name=wish.name, role=wish.role, unit=wish.unit, crew=wish.crew, areas=wish.areas)
    scopes = FOR_TOKENS & GRANTS[wish.role]
    if scopes:  # some roles are for pages alone
        add_token(connection, actor, label="test", scopes=scopes, at=at, expires_at=None, secret=token)


@contextmanager
def open_office(town: Town, folder: Path, **serve: Any) -> Generator[Office]:
    """Yield a running office."""
    add_people(town.url)
    with (
        running_server(town.url, folder / "pictures", **serve) as (_, address),
        httpx.Client(base_url=f"{address}/api/v1", timeout=60) as client,
    ):
        yield Office(api=client, town=town)
