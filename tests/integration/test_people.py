"""Signing in, and what an attacker at the entrance gets."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pyotp
import pytest
from click.testing import CliRunner
from psycopg import sql

from cloud.api.guard import UNKNOWN_BURST
from cloud.commands.people import people
from cloud.db.pool import connect
from cloud.errors import PersonError
from cloud.people.accounts import Accounts, Wish
from cloud.people.first import first_link
from cloud.people.model import Actor, Role
from cloud.people.permissions import Permission
from cloud.people.tokens import add_token
from tests.integration.api_server import running_server
from tests.integration.browser_client import PASSWORD, add_people, browser_at, sign_in
from tests.integration.office import headers_of
from tests.waiting import wait_until

NEW_PASSWORD = "forty herons above rice"  # noqa: S105
LIU = Wish(name="liu", role=Role.OPERATOR)
BOSS = Wish(name="boss", role=Role.ADMIN)


@pytest.fixture
def address(database: str, tmp_path: Path) -> Iterator[str]:
    """A server without visitors, and two accounts."""
    add_people(database, LIU, BOSS)
    vault = tmp_path / "vault.key"
    with running_server(database, tmp_path, visitors=False, proxies=("127.0.0.1",), vault_file=vault) as (_, url):
        yield url


@pytest.fixture
def liu(address: str) -> Iterator[httpx.Client]:
    """A browser in which Liu is signed in."""
    with browser_at(address) as client:
        assert sign_in(client, "liu").status_code == 201
        yield client


def rows(database: str, table: str) -> str:
    """All of a table as text, to search in."""
    with psycopg.connect(database) as connection:
        statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        return repr(connection.execute(statement).fetchall())


def pass_hours(database: str, hours: int) -> None:
    """Nobody uses a session for so long."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE sessions SET last_seen_at = last_seen_at - make_interval(hours => %s)", (hours,))


def failures(database: str) -> int:
    """How many wrong passwords and codes count most."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT max(failures) FROM sign_in_failures").fetchone()
        return row[0] if row else 0


def test_nobody_looks_without_signing_in(address: str) -> None:
    with browser_at(address) as client:
        assert client.get("/findings").status_code == 401
        assert client.get("/me").status_code == 401
        assert client.get("/health").status_code == 200


def test_session_is_a_cookie_for_the_server_alone_and_ends_with_signing_out(address: str, database: str) -> None:
    with browser_at(address) as client:
        answer = sign_in(client, "liu")
        cookies = answer.headers.get_list("set-cookie")
        assert all("HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie for cookie in cookies)
        secret = client.cookies["busense"]
        assert secret not in rows(database, "sessions")
        me = client.get("/me").json()
        assert (me["name"], me["role"], me["way"]) == ("liu", "operator", "session")
        assert client.delete("/session").status_code == 204
        client.cookies.set("busense", secret)
        assert client.get("/me").status_code == 401


def test_a_forged_session_is_nobodys(address: str) -> None:
    with browser_at(address) as client:
        for forged in ("x", "liu", "' OR 1=1 --", "é" * 8, "A" * 43):
            assert client.get("/me", headers={b"Cookie": b"busense=" + forged.encode()}).status_code == 401


def test_wrong_name_and_wrong_password_sound_alike(address: str) -> None:
    with browser_at(address) as client:
        answers = [sign_in(client, name, "wrong") for name in ("liu", "nobody", "x' OR 1=1 --")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def guess_often(database: str, name: str, *, at: str) -> None:
    """As if so many wrong passwords had come from an address that the wait is longer than a test."""
    with psycopg.connect(database) as connection:
        statement = "UPDATE sign_in_failures SET failures = 12 WHERE key = %s"
        assert connection.execute(statement, (f"pair:{name}|{at}",)).rowcount == 1


def test_guessing_is_slowed_down_and_the_owner_is_not_locked_out(
    address: str, database: str, liu: httpx.Client
) -> None:
    with browser_at(address, at="10.6.6.6") as thief:
        guesses = [sign_in(thief, "liu", f"guess {number}").status_code for number in range(3)]
        assert guesses == [401] * 3
        guess_often(database, "liu", at="10.6.6.6")
        refused = sign_in(thief, "liu", "another guess")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert sign_in(thief, "liu").status_code == 429, "not even the right one is looked at"
    liu.cookies.delete("busense")
    assert sign_in(liu, "liu").status_code == 201, "the browser is known"
    with browser_at(address, at="10.0.0.9") as elsewhere:
        assert sign_in(elsewhere, "liu").status_code == 201, "another address has its own count"


def test_a_known_browser_of_somebody_else_is_not_known(address: str, database: str) -> None:
    with browser_at(address, at="10.0.0.1") as client:
        sign_in(client, "boss")
        assert sign_in(client, "liu", "wrong").status_code == 401
        guess_often(database, "liu", at="10.0.0.1")
        assert sign_in(client, "liu", "wrong").status_code == 429


def test_sessions_can_be_ended_from_another_browser(address: str, liu: httpx.Client) -> None:
    with browser_at(address, at="10.0.0.2") as phone:
        sign_in(phone, "liu")
        listed = phone.get("/account/sessions").json()["items"]
        assert [item["is_this"] for item in listed] == [True, False]
        assert listed[1]["address"] == "10.0.0.1"
        assert phone.delete(f"/account/sessions/{listed[1]['id']}").status_code == 204
        assert liu.get("/me").status_code == 401
        assert phone.get("/me").status_code == 200


def test_a_one_time_link_ends_with_the_sessions(address: str, liu: httpx.Client) -> None:
    with browser_at(address) as boss:
        sign_in(boss, "boss")
        token = boss.post("/people/liu/link").json()["url"].partition("#")[2]
        assert liu.post("/welcome/name", json={"token": token}).status_code == 200
        assert boss.delete("/people/liu/sessions").status_code == 204
    assert liu.post("/welcome", json={"token": token, "password": NEW_PASSWORD}).status_code == 404


def test_session_of_somebody_else_is_not_there(address: str, liu: httpx.Client) -> None:
    with browser_at(address) as boss:
        sign_in(boss, "boss")
        other = boss.get("/account/sessions").json()["items"][0]["id"]
    assert liu.delete(f"/account/sessions/{other}").status_code == 404


def test_session_ends_when_it_was_not_used_for_long(liu: httpx.Client, database: str) -> None:
    pass_hours(database, 13)
    assert liu.get("/me").status_code == 401


def test_a_new_password_ends_the_other_sessions(address: str, liu: httpx.Client) -> None:
    body = {"current": PASSWORD, "new": NEW_PASSWORD}
    with browser_at(address) as phone:
        sign_in(phone, "liu")
        assert liu.put("/account/password", json=body | {"current": "wrong"}).status_code == 401
        weak = liu.put("/account/password", json=body | {"new": "liuliuliuliu"})
        assert (weak.status_code, weak.json()["code"]) == (422, "guessable")
        assert liu.put("/account/password", json=body).status_code == 204
        assert phone.get("/me").status_code == 401
        assert liu.get("/me").status_code == 200
        assert sign_in(phone, "liu").status_code == 401
        assert sign_in(phone, "liu", NEW_PASSWORD).status_code == 201


def test_second_factor_is_asked_for_and_each_code_is_good_once(address: str, liu: httpx.Client, database: str) -> None:
    drawn = liu.post("/account/second-factor").json()
    totp = pyotp.totp.TOTP(drawn["secret"])
    now = datetime.now(UTC)
    code, next_code = (totp.at(at) for at in (now, now + timedelta(seconds=30)))  # both are good for half a minute
    body = {"secret": drawn["secret"], "code": code, "password": PASSWORD}
    assert liu.put("/account/second-factor", json=body | {"code": "000000"}).status_code == 422
    assert liu.put("/account/second-factor", json=body).status_code == 204
    assert drawn["secret"] not in rows(database, "people")
    with browser_at(address) as client:
        needed = sign_in(client, "liu")
        assert (needed.status_code, needed.json()["code"]) == (401, "code_needed")
        assert failures(database) == 0, "the page asks for the code next"
        assert sign_in(client, "liu", code=code).json()["code"] == "code_wrong"
        assert sign_in(client, "liu").json()["code"] == "code_needed"
        assert failures(database) == 1, "asking for the code forgives no wrong one"
        assert sign_in(client, "liu", code=next_code).status_code == 201
        assert sign_in(client, "liu", code=next_code).json()["code"] == "code_wrong"
        assert client.get("/account").json()["has_second_factor"]
        assert client.post("/account/second-factor/remove", json={"password": PASSWORD}).status_code == 204
    with browser_at(address) as client:
        assert sign_in(client, "liu").status_code == 201


def test_a_second_factor_from_before_the_key_is_sealed_at_the_start(database: str, tmp_path: Path) -> None:
    add_people(database, LIU)
    secret = pyotp.random_base32()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE people SET totp_secret = %s WHERE name = 'liu'", (secret,))
    with running_server(database, tmp_path, vault_file=tmp_path / "vault.key") as (_, url), browser_at(url) as client:
        wait_until(lambda: secret not in rows(database, "people"))
        assert sign_in(client, "liu", code=pyotp.totp.TOTP(secret).now()).status_code == 201


def test_first_administrator_comes_by_a_link_that_is_good_once(database: str, tmp_path: Path) -> None:
    with connect(database) as connection:
        secret = first_link(connection, at=datetime.now(UTC))
    assert secret is not None
    assert secret not in rows(database, "one_time_links")
    with running_server(database, tmp_path, visitors=False) as (_, address), browser_at(address) as client:
        assert sign_in(client, "admin", "admin").status_code == 401
        assert client.post("/welcome/name", json={"token": secret}).json() == {"name": "admin"}
        weak = client.post("/welcome", json={"token": secret, "password": "administrator"})
        assert weak.status_code == 422
        assert client.post("/welcome", json={"token": secret, "password": PASSWORD}).status_code == 201
        assert client.get("/people").status_code == 200
        assert client.post("/welcome", json={"token": secret, "password": NEW_PASSWORD}).status_code == 404
        assert sign_in(client, "admin").status_code == 201
    with connect(database) as connection:
        assert first_link(connection, at=datetime.now(UTC)) is None


def test_a_link_is_too_old_after_a_day(database: str, tmp_path: Path) -> None:
    with connect(database) as connection:
        secret = first_link(connection, at=datetime.now(UTC) - timedelta(hours=25))
    with running_server(database, tmp_path) as (_, address), browser_at(address) as client:
        assert client.post("/welcome", json={"token": secret, "password": PASSWORD}).status_code == 404


def test_administrator_makes_accounts_and_takes_them_away(address: str, liu: httpx.Client) -> None:
    with browser_at(address) as boss, browser_at(address) as wang:
        sign_in(boss, "boss")
        wish = {"name": "wang", "role": "crew", "unit": "roads", "crew": "roads-1"}
        link = boss.post("/people", json=wish).json()["url"]
        assert boss.post("/people", json=wish).status_code == 422
        assert boss.post("/people", json=wish | {"name": "w2", "crew": "none"}).status_code == 422
        token = link.partition("#")[2]
        assert wang.post("/welcome", json={"token": token, "password": PASSWORD}).status_code == 201
        assert wang.get("/crew/jobs").status_code == 200
        assert wang.get("/people").status_code == 403

        changed = {"role": "viewer", "unit": "roads"}
        assert boss.put("/people/wang", json=changed).status_code == 200
        assert wang.get("/crew/jobs").status_code == 403, "counts from the next request on"
        assert boss.put("/people/wang", json=changed | {"is_disabled": True}).status_code == 200
        assert wang.get("/me").status_code == 401
        assert boss.put("/people/liu", json={"role": "viewer"}).status_code == 200
        assert liu.get("/deliveries").status_code == 403
        events = [line["event"] for line in boss.get("/people-log", params={"person": "wang"}).json()["items"]]
        assert events[::-1] == ["added", "password_set", "signed_in", "changed", "changed"]


def test_a_session_idles_no_longer_than_the_role_of_now_allows(address: str, liu: httpx.Client, database: str) -> None:
    with browser_at(address) as boss:
        sign_in(boss, "boss")
        assert boss.put("/people/liu", json={"role": "crew", "unit": "roads", "crew": "roads-1"}).status_code == 200
        pass_hours(database, 13)
        assert liu.get("/me").status_code == 200
        assert sign_in(boss, "boss").status_code == 201
        assert boss.put("/people/liu", json={"role": "viewer"}).status_code == 200
        pass_hours(database, 13)
        assert liu.get("/me").status_code == 401


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Li Wei", "--role", "viewer"], "name 'Li Wei'"),
        (["li", "--role", "operator", "--unit", "rods"], "there is no unit rods"),
        (["li", "--role", "crew", "--unit", "roads", "--crew", "roads-9"], "there is no crew roads-9 of unit roads"),
        (["li", "--role", "operator", "--area", "tow"], "there is no area tow"),
    ],
    ids=["name", "unit", "crew", "area"],
)
def test_a_slip_of_the_pen_makes_no_account(
    database: str, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    result = CliRunner().invoke(people, ["add", *arguments])
    assert isinstance(result.exception, PersonError)
    assert said in str(result.exception)


def test_the_last_administrator_stays(address: str) -> None:
    with browser_at(address) as boss:
        sign_in(boss, "boss")
        assert boss.put("/people/boss", json={"role": "viewer"}).status_code == 422
        assert boss.put("/people/boss", json={"role": "admin", "is_disabled": True}).status_code == 422


def test_the_last_administrator_keeps_the_way_in(database: str) -> None:
    with connect(database) as connection:
        accounts = Accounts(connection=connection, at=datetime.now(UTC), actor="test")
        by_provider = Wish(name="provided", role=Role.ADMIN, oidc_name="provided@county")
        accounts.add(by_provider)
        with pytest.raises(PersonError, match="last administrator"):
            accounts.change(replace(by_provider, oidc_name=None), is_disabled=False)


def test_two_administrators_do_not_take_each_others_role_away_at_once(database: str) -> None:
    wishes = [Wish(name=name, role=Role.ADMIN, oidc_name=name) for name in ("one", "other")]
    with connect(database) as first, connect(database) as second:
        accounts = [Accounts(connection=each, at=datetime.now(UTC), actor="test") for each in (first, second)]
        for wish in wishes:
            accounts[0].add(wish)
        first.commit()
        accounts[0].change(replace(wishes[0], role=Role.VIEWER), is_disabled=False)
        second.execute("SET LOCAL lock_timeout = '20ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            accounts[1].change(replace(wishes[1], role=Role.VIEWER), is_disabled=False)
        second.rollback()
        first.commit()
        with pytest.raises(PersonError, match="last administrator"):
            accounts[1].change(replace(wishes[1], role=Role.VIEWER), is_disabled=False)


def test_tokens_do_what_they_are_for_and_nothing_else(address: str, liu: httpx.Client, database: str) -> None:
    made = liu.post("/account/tokens", json={"label": "wall", "scopes": ["see"], "days": 30}).json()["token"]
    assert made.startswith("bst_")
    assert made not in rows(database, "api_tokens")
    bearer = {"Authorization": f"Bearer {made}"}
    assert httpx.get(f"{address}/api/v1/findings", headers=bearer).status_code == 200
    assert httpx.get(f"{address}/api/v1/cases", headers=bearer).status_code == 403
    assert httpx.get(f"{address}/api/v1/account", headers=bearer).status_code == 403
    assert liu.post("/account/tokens", json={"label": "x", "scopes": ["manage_fleet"]}).status_code == 422
    assert liu.post("/account/tokens", json={"label": "x", "scopes": ["manage_people"]}).status_code == 422
    listed = [item for item in liu.get("/account/tokens").json()["items"] if item["label"] == "wall"]
    assert listed[0]["last_used_at"] is not None
    assert liu.delete(f"/account/tokens/{listed[0]['id']}").status_code == 204
    assert httpx.get(f"{address}/api/v1/findings", headers=bearer).status_code == 401


def test_a_token_has_an_end(address: str, database: str) -> None:
    at = datetime.now(UTC) - timedelta(days=2)
    scopes = frozenset({Permission.SEE})
    with connect(database) as connection:
        liu = Actor(name="liu", role=Role.OPERATOR)
        end = at + timedelta(days=1)
        made = add_token(connection, liu, label="old", scopes=scopes, at=at, expires_at=end)
    assert httpx.get(f"{address}/api/v1/me", headers={"Authorization": f"Bearer {made}"}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Authorization": "Basic eDp5"},
        {"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer"},
    ],
    ids=["cross-site", "same-site", "other origin", "no origin of its own", "with a name in its address", "no token"],
)
def test_another_sites_page_changes_nothing(liu: httpx.Client, headers: dict[str, str]) -> None:
    answer = liu.post("/account/tokens", json={"label": "x", "scopes": ["see"]}, headers=headers)
    assert answer.status_code == 403
    assert len(liu.get("/account/tokens").json()["items"]) == 1  # the one of the fixture


def test_a_cookie_without_any_word_of_where_it_comes_from_changes_nothing(address: str, liu: httpx.Client) -> None:
    cookie = {"Cookie": f"busense={liu.cookies['busense']}"}
    url = f"{address}/api/v1/account/tokens"
    assert httpx.post(url, json={"label": "x", "scopes": ["see"]}, headers=cookie).status_code == 403
    plain = cookie | {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(url, content='{"label": "x", "scopes": ["see"]}', headers=plain).status_code == 422


def test_unknown_tokens_are_slowed_down_and_known_ones_are_not(address: str) -> None:
    with httpx.Client(base_url=f"{address}/api/v1") as client:
        assert client.get("/me", headers=headers_of("liu")).status_code == 200
        statuses = [
            client.get("/me", headers={"Authorization": f"Bearer wrong-{number}"}).status_code
            for number in range(int(UNKNOWN_BURST) + 5)
        ]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        assert client.get("/me", headers=headers_of("liu")).status_code == 200


def test_every_answer_carries_the_security_headers(address: str) -> None:
    for path in ("/api/v1/me", "/api/v1/health", "/", "/nothing.js"):
        headers = httpx.get(f"{address}{path}").headers
        assert "'unsafe" not in headers["content-security-policy"]
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert httpx.get(f"{address}/api/v1/me").headers["cache-control"] == "no-store"


def test_over_tls_cookies_are_for_tls_and_browsers_stay_with_it(database: str, tmp_path: Path) -> None:
    add_people(database, LIU)
    origin = "https://busense.example"
    with running_server(database, tmp_path, public_url=origin) as (_, address), browser_at(address) as client:
        answer = client.post("/session", json={"name": "liu", "password": PASSWORD}, headers={"Origin": origin})
        assert answer.status_code == 201
        assert all(
            cookie.startswith("__Host-") and "Secure" in cookie for cookie in answer.headers.get_list("set-cookie")
        )
        assert "max-age" in answer.headers["strict-transport-security"]
        own = {"Origin": address}
        assert client.post("/session", json={"name": "liu", "password": PASSWORD}, headers=own).status_code == 403


def test_demo_accounts_need_the_demo(database: str, tmp_path: Path) -> None:
    add_people(database, Wish(name="desk", role=Role.OPERATOR, is_demo=True), LIU)
    with running_server(database, tmp_path) as (_, address), browser_at(address) as client:
        assert client.get("/sign-in").json()["demo"] == []
        assert client.post("/session/demo", json={"name": "desk"}).status_code == 404
        assert sign_in(client, "desk").status_code == 401, "not even by its password"
    with running_server(database, tmp_path, demo=True) as (_, address), browser_at(address) as client:
        assert [person["name"] for person in client.get("/sign-in").json()["demo"]] == ["desk"]
        assert client.post("/session/demo", json={"name": "liu"}).status_code == 404
        assert client.post("/session/demo", json={"name": "desk"}).status_code == 201
        assert client.get("/deliveries").status_code == 200
        assert client.put("/account/password", json={"current": PASSWORD, "new": NEW_PASSWORD}).status_code == 422
