"""Signing in by a provider, a real one on this machine, and one that lies."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from cloud.config import OidcConfig
from cloud.people.accounts import Wish
from cloud.people.model import Role
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.provider import CLIENT, SECRET, Provider, running_provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def browser(provider: Provider, database: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A browser at a server that knows the provider, with an account that waits for liu@county."""
    (tmp_path / "secret").write_text(SECRET)
    config = OidcConfig(
        issuer=provider.issuer, client_id=CLIENT, client_secret_file=tmp_path / "secret", label="County"
    )
    add_people(
        database, Wish(name="liu", role=Role.OPERATOR, oidc_name="liu@county"), Wish(name="boss", role=Role.ADMIN)
    )
    with running_server(database, tmp_path, visitors=False, oidc=config) as (_, address), browser_at(address) as client:
        yield client


def go(browser: httpx.Client, then: str = "/cases") -> httpx.Response:
    """Go to the provider and come back; the last answer is the way on."""
    to_provider = browser.get("/oidc/start", params={"then": then})
    assert to_provider.status_code == 303
    back = httpx.get(to_provider.headers["location"])
    return browser.get(back.headers["location"].partition("/api/v1")[2])


def test_whoever_has_an_account_comes_in_and_is_known_by_the_subject(browser: httpx.Client, provider: Provider) -> None:
    assert browser.get("/sign-in").json()["provider"] == "County"
    assert go(browser).headers["location"] == "/cases"
    assert browser.get("/me").json()["name"] == "liu"
    browser.delete("/session")
    provider.person = {"sub": "4711", "preferred_username": "renamed@county"}
    go(browser)
    assert browser.get("/me").json()["name"] == "liu"


@pytest.mark.parametrize(
    "person",
    [
        {"sub": "1", "preferred_username": "stranger@county"},
        {"sub": "1"},
        {"sub": "1", "preferred_username": "boss"},
    ],
    ids=["no account", "no name", "the name of an account that waits for nobody"],
)
def test_nobody_else_comes_in(browser: httpx.Client, provider: Provider, person: dict[str, str]) -> None:
    provider.person = person
    assert go(browser).headers["location"] == "/login?problem=no_account"
    assert browser.get("/me").status_code == 401


def test_a_second_person_with_the_name_of_a_bound_account_does_not_come_in(
    browser: httpx.Client, provider: Provider
) -> None:
    go(browser)
    browser.delete("/session")
    provider.person = {"sub": "other", "preferred_username": "liu@county"}
    assert "no_account" in go(browser).headers["location"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"aud": "another client"},
        {"iss": "https://other.example"},
        {"nonce": "of another errand"},
        {"exp": int(time.time()) - 3600},
        {"sub": None},
    ],
    ids=["audience", "issuer", "nonce", "expired", "nobody"],
)
def test_a_token_that_is_not_for_us_is_refused(
    browser: httpx.Client, provider: Provider, spoil: dict[str, Any]
) -> None:
    provider.spoil = spoil
    assert go(browser).headers["location"] == "/login?problem=provider"
    assert browser.get("/me").status_code == 401


def test_a_token_with_another_signature_is_refused(browser: httpx.Client, provider: Provider) -> None:
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "k1"})
    assert "provider" in go(browser).headers["location"]
    assert browser.get("/me").status_code == 401


def test_an_answer_for_another_browser_is_refused(browser: httpx.Client) -> None:
    address = browser.get("/oidc/start").headers["location"]
    back = httpx.get(address).headers["location"].partition("/api/v1")[2]
    browser.cookies.clear()
    assert browser.get(back).headers["location"] == "/login?problem=provider"
    browser.get("/oidc/start")
    assert browser.get(back).headers["location"] == "/login?problem=provider", "the state is of another errand"


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tx"])
def test_the_way_on_stays_here(browser: httpx.Client, then: str) -> None:
    assert browser.get("/oidc/start", params={"then": then}).status_code == 422


def test_passwords_still_work_while_the_provider_is_away(browser: httpx.Client, provider: Provider) -> None:
    provider.person = {}
    assert sign_in(browser, "boss").status_code == 201
