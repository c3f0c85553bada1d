"""What one wants to be told by mail: set, read and stopped by oneself alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in

LIU = Wish(name="liu", role=Role.OPERATOR)
BOSS = Wish(name="boss", role=Role.ADMIN)
DEMO = Wish(name="demo", role=Role.OPERATOR, is_demo=True)
WISH: dict[str, Any] = {
    "address": "liu@county.example",
    "classes": ["D40"],
    "quiet_from": "22:00:00",
    "quiet_to": "07:00:00",
    "digest_min": 60,
}


@pytest.fixture
def address(database: str, tmp_path: Path) -> Iterator[str]:
    add_people(database, LIU, BOSS)
    with running_server(database, tmp_path, visitors=False) as (_, url):
        yield url


@pytest.fixture
def liu(address: str) -> Iterator[httpx.Client]:
    with browser_at(address) as client:
        assert sign_in(client, "liu").status_code == 201
        yield client


def wish_of(client: httpx.Client) -> dict[str, Any] | None:
    return client.get("/account/notices").raise_for_status().json()["wish"]


def test_nothing_is_wanted_until_it_is_set_and_after_it_was_stopped(liu: httpx.Client) -> None:
    assert wish_of(liu) is None
    assert liu.put("/account/notices", json=WISH).status_code == 204
    assert wish_of(liu) == WISH

    assert liu.delete("/account/notices").status_code == 204
    assert wish_of(liu) is None


def test_it_can_be_changed(liu: httpx.Client) -> None:
    liu.put("/account/notices", json=WISH)
    liu.put("/account/notices", json={"address": "wang@county.example"})

    assert wish_of(liu) == {
        "address": "wang@county.example",
        "classes": [],
        "quiet_from": None,
        "quiet_to": None,
        "digest_min": 0,
    }


def test_everybody_has_their_own(address: str, liu: httpx.Client) -> None:
    liu.put("/account/notices", json=WISH)
    with browser_at(address) as boss:
        sign_in(boss, "boss")
        assert wish_of(boss) is None
        boss.delete("/account/notices")
    assert wish_of(liu) == WISH


@pytest.mark.parametrize(
    "change",
    [
        {"address": "no address"},
        {"address": "a@b.example\nBcc: all@world.example"},
        {"classes": ["'; DROP TABLE people"]},
        {"quiet_to": None},
        {"quiet_from": "25:00"},
        {"quiet_from": "22:00Z"},
        {"digest_min": -1},
        {"digest_min": 1441},
        {"person": "boss"},
    ],
    ids=[
        "address",
        "two lines",
        "class",
        "half a night",
        "hour",
        "clock",
        "before now",
        "more than a day",
        "of another",
    ],
)
def test_what_cannot_be_kept_is_refused(liu: httpx.Client, change: dict[str, Any]) -> None:
    assert liu.put("/account/notices", json=WISH | change).status_code == 422
    assert wish_of(liu) is None


def test_demo_tells_nobody(database: str, tmp_path: Path) -> None:
    add_people(database, DEMO)
    with running_server(database, tmp_path, demo=True) as (_, url), browser_at(url) as client:
        assert client.post("/session/demo", json={"name": "demo"}).status_code == 201
        assert client.put("/account/notices", json=WISH).status_code == 422


def test_who_is_not_signed_in_has_none(address: str) -> None:
    with browser_at(address) as client:
        assert client.get("/account/notices").status_code == 401
