"""A write under a key happens once, whatever it is: a phone on a bad network sends it twice."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString, cast
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Response
from starlette.types import Message, Receive, Scope, Send

from busense.local.postgres import LocalPostgres
from cloud.api.app import POOL_SIZE
from cloud.api.once import MOST_KEPT_BYTES, Once
from cloud.api.openapi import DOCUMENT
from cloud.api.serve import Server
from cloud.cases.actions import CaseActions
from cloud.cases.model import Action, Actor, Reason, Role
from cloud.cases.orders import Order
from cloud.db.idempotency import KEPT_FOR, trim
from cloud.db.pool import ThreadPool, connect
from cloud.people.accounts import Wish
from tests.conftest import create_database, drop_database
from tests.integration.api_server import running_server
from tests.integration.browser_client import add_people, browser_at, sign_in
from tests.integration.ingest_database import query, value
from tests.integration.town import Town
from tests.waiting import wait_until

WRITES = {"post", "put", "patch", "delete"}
KEYLESS = {
    ("post", "/api/v1/session"): "its answer is a secret of the browser",
    ("post", "/api/v1/session/demo"): "its answer is a secret of the browser",
    ("delete", "/api/v1/session"): "signed out is signed out",
    ("post", "/api/v1/welcome"): "a link is good once",
    ("post", "/api/v1/welcome/name"): "changes nothing",
    ("post", "/api/v1/devices/enrol"): "a code is good once",
    ("post", "/api/v1/devices/renew"): "the bus takes the last one; the others end by themselves",
    ("put", "/api/v1/devices/answers/{number}"): "under its number",
    ("put", "/api/v1/pictures/{sha256}"): "under its hash",
}
OPERATIONS = [
    (method, path, operation)
    for path, operations in json.loads(DOCUMENT.read_text())["paths"].items()
    for method, operation in operations.items()
    if method in WRITES
]
WAITING: LiteralString = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture(scope="module")
def database(postgres: LocalPostgres, template_database: str) -> Iterator[str]:
    create_database(postgres, "test_once", template=template_database)
    url = postgres.url("test_once")
    add_people(url, Wish(name="boss", role=Role.ADMIN), Wish(name="desk", role=Role.OPERATOR))
    yield url
    drop_database(postgres, "test_once")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("once")


@pytest.fixture(scope="module")
def server(database: str, folder: Path) -> Iterator[tuple[Server, str]]:
    with running_server(database, folder, visitors=False, vault_file=folder / "vault.key") as running:
        yield running


@pytest.fixture
def address(server: tuple[Server, str]) -> str:
    return server[1]


@pytest.fixture
def app(server: tuple[Server, str]) -> FastAPI:
    return cast("FastAPI", server[0].config.app)


@pytest.fixture(scope="module")
def boss(server: tuple[Server, str]) -> Iterator[httpx.Client]:
    with browser_at(server[1]) as client:
        assert sign_in(client, "boss").status_code == 201
        yield client


def add(client: httpx.Client, name: str, *, key: str) -> httpx.Response:
    """Make an account."""
    return client.post("/people", json={"name": name, "role": "viewer"}, headers={"Idempotency-Key": key})


def test_sent_to_two_servers_at_once_it_is_done_once_and_answered_alike(
    boss: httpx.Client, database: str, folder: Path
) -> None:
    with ExitStack() as stack:
        _, beside = stack.enter_context(running_server(database, folder, vault_file=folder / "vault.key"))
        other = stack.enter_context(browser_at(beside))
        assert sign_in(other, "boss").status_code == 201
        threads = stack.enter_context(ThreadPoolExecutor(2))
        with psycopg.connect(database) as slow:
            slow.execute("LOCK TABLE people IN SHARE MODE")  # until both are there
            sent = [threads.submit(add, each, "twice", key="sent-twice-at-once") for each in (boss, other)]
            wait_until(lambda: value(database, WAITING) == 2)
        first, second = (each.result() for each in sent)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first.headers["content-type"] == second.headers["content-type"]
    assert query(database, "SELECT event FROM people_log WHERE person = 'twice'") == [("added",)]


def test_same_key_with_another_body_is_refused_with_the_reason(boss: httpx.Client) -> None:
    add(boss, "first", key="one-for-two-people")
    answer = add(boss, "second", key="one-for-two-people")

    assert answer.status_code == 422
    assert "another request came under the key" in answer.json()["detail"]


def test_secret_in_an_answer_lies_sealed(boss: httpx.Client, database: str) -> None:
    add(boss, "sealed", key="answer-with-a-link")

    ((body,),) = query(database, "SELECT body FROM idempotency_keys WHERE key = 'answer-with-a-link'")
    assert body.startswith("fernet:")


def test_what_failed_is_tried_again_under_its_key(boss: httpx.Client, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE people_log ADD CONSTRAINT full_check CHECK (person <> 'again')")
    assert add(boss, "again", key="failed-at-first").status_code == 500
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE people_log DROP CONSTRAINT full_check")

    assert add(boss, "again", key="failed-at-first").status_code == 201


def test_wrong_passwords_count_under_keys_too(address: str) -> None:
    with browser_at(address, at="10.0.0.2") as client:
        assert sign_in(client, "desk").status_code == 201
        wish = {"current": "a wrong guess", "new": "forty herons above rice"}
        tried = [
            client.put(
                "/account/password", json=wish, headers={"Idempotency-Key": f"guess-{number}-of-many"}
            ).status_code
            for number in range(8)
        ]

    assert set(tried) == {401, 429}


def test_answer_that_is_too_long_is_not_kept_and_not_done_again(boss: httpx.Client, database: str) -> None:
    town = Town(url=database)
    town.sees(bus="bus-1")
    town.sees(bus="bus-2", minutes=10)
    town.store()
    town.work()
    words = Reason(zh="看" * 1000, en="看" * 1000)
    with connect(database) as connection:
        desk = Actor(name="desk", role=Role.OPERATOR)
        door = CaseActions(connection=connection, catalogue=town.catalogue, actor=desk, at=datetime.now(UTC))
        ((case,),) = connection.execute("SELECT id FROM cases").fetchall()
        for _ in range(MOST_KEPT_BYTES // 6000 + 1):
            door.act(case, Order(action=Action.COMMENT, reason=words))
    body = {"action": "comment", "reason": "last", "version": boss.get(f"/cases/{case}").json()["version"]}
    keys = {"Idempotency-Key": "a-long-history"}
    first, again = (boss.post(f"/cases/{case}/actions", json=body, headers=keys) for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 409)
    assert "is not kept" in again.json()["detail"]
    assert [line["reason"]["en"] for line in boss.get(f"/cases/{case}").json()["history"]].count("last") == 1


def test_who_sends_is_asked_once(boss: httpx.Client, app: FastAPI) -> None:
    pool = app.state.resources.pool
    before = pool.get_stats().get("requests_num", 0)
    assert add(boss, "asked-once", key="who-asks-once").status_code == 201
    assert pool.get_stats().get("requests_num", 0) - before == 1


def test_bodies_that_do_not_come_keep_no_connection(boss: httpx.Client, address: str, app: FastAPI) -> None:
    head = b"POST /api/v1/people HTTP/1.1\r\nHost: x\r\nIdempotency-Key: slow-body-%d\r\nContent-Length: 99\r\n\r\n{"
    at = urlsplit(address)
    with ExitStack() as stack:
        for number in range(2 * POOL_SIZE):
            slow = stack.enter_context(socket.create_connection((at.hostname, at.port)))
            slow.sendall(head % number)
        assert add(boss, "quick", key="beside-slow-bodies").status_code == 201
        assert waits_for_nobody(app.state.resources.thread_pool)


def waits_for_nobody(pool: ThreadPool) -> bool:
    stats = pool.get_stats()
    return stats["pool_available"] == stats["pool_size"]


@pytest.mark.parametrize("key", [pytest.param(b"slow-reader", id="first"), pytest.param(b"slow-reader", id="again")])
def test_who_is_slow_to_send_or_to_take_the_answer_holds_no_connection(app: FastAPI, key: bytes) -> None:
    pool: ThreadPool = app.state.resources.thread_pool
    heard: list[Message] = []

    async def does(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"{}"
        assert not waits_for_nobody(pool), "the transaction has one"
        await Response("done", media_type="application/json")(scope, receive, send)

    async def receive() -> Message:
        assert waits_for_nobody(pool)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        assert waits_for_nobody(pool)
        heard.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/v1/slow", "query_string": b"", "app": app}
    asyncio.run(Once(does)(scope | {"headers": [(b"idempotency-key", key)]}, receive, send))
    assert [message.get("body") for message in heard] == [None, b"done"]


def test_keys_are_forgotten_after_a_fortnight(boss: httpx.Client, database: str) -> None:
    add(boss, "forgotten", key="a-fortnight-ago")
    with connect(database) as connection:
        trim(connection, at=datetime.now(UTC) + KEPT_FOR)

    assert value(database, "SELECT count(*) FROM idempotency_keys") == 0


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)
def test_each_write_takes_a_key_or_is_named_with_its_reason(
    boss: httpx.Client, method: str, path: str, operation: dict[str, Any]
) -> None:
    says_so = any(each["name"] == "idempotency-key" for each in operation.get("parameters", []))
    assert says_so is ((method, path) not in KEYLESS)
    if says_so:
        add(boss, "taken", key="key-of-another-write")
        asked = re.sub(r"\{\w+\}", "x", path.removeprefix("/api/v1"))
        answer = boss.request(method, asked, headers={"Idempotency-Key": "key-of-another-write"})
        assert answer.status_code == 422
        assert "another request came under the key" in answer.json()["detail"]
