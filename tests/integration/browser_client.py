"""Somebody at a browser: keeps cookies, and says of each request that a page of the server sent it."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from cloud.db.pool import connect
from cloud.people.accounts import Accounts, Wish
from cloud.people.passwords import hash_password
from tests.integration.office import add_person, token_of

PASSWORD = "seventeen lanterns drift"  # noqa: S105
PASSWORD_HASH = hash_password(PASSWORD)
AGENT = "Test browser"


@contextmanager
def browser_at(address: str, *, at: str = "10.0.0.1") -> Generator[httpx.Client]:
    """Open a browser on a machine; the server of the tests believes X-Forwarded-For from this one."""
    headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": at, "User-Agent": AGENT}
    with httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60) as client:
        yield client


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Write name and password."""
    return client.post("/session", json={"name": name, "password": password} | more)


def add_people(database: str, *wishes: Wish) -> None:
    """Give people accounts with PASSWORD, and a token of everything they may."""
    with connect(database) as connection:
        for wish in wishes:
            add_person(connection, wish, token=token_of(wish.name))
            Accounts(connection=connection, at=datetime.now(UTC), actor="test").set_password(wish.name, PASSWORD_HASH)
