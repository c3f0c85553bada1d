"""The layer that lets a write happen once, however often it is sent under one key."""

import asyncio
import base64
import re
from collections.abc import Generator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from weakref import WeakValueDictionary

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.actors import who_asks
from cloud.api.declared import ROOT
from cloud.api.deps import UNDER_WAY, Connections, resources
from cloud.api.problems import ProblemError
from cloud.db import idempotency
from cloud.db.pool import Row
from cloud.people.vault import Vault

HEADER: Final = "Idempotency-Key"
PATTERN: Final = r"^[\x21-\x7e]+$"
SHORTEST, LONGEST = 8, 100
DESCRIPTION: Final = "drawn by the caller for each action; the same again gets the same answer"
MOST_KEPT_BYTES: Final = 262_144
"""Of an answer; a longer one is given, and not kept."""

_JSON: Final = "application/json"  # files (pictures that were handed out) lie nowhere but in their store
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEYLESS: Final = frozenset({"session", "welcome", "devices", "pictures"})
"""Signing in is answered with secrets of a browser, which are kept nowhere; what devices send is the same twice."""

IdempotencyKey = Annotated[
    str, Header(min_length=SHORTEST, max_length=LONGEST, pattern=PATTERN, description=DESCRIPTION)
]


def _must_come(idempotency_key: IdempotencyKey) -> None:
    """Refuse what comes without a key."""


NEEDS_KEY: Final[Any] = Depends(_must_come)


def takes_key(method: str, path: str) -> bool:
    """Whether a request happens once under its key."""
    first = path.removeprefix(f"{ROOT}/").partition("/")[0]
    return path.startswith(f"{ROOT}/") and method not in _SAFE and first not in _KEYLESS


class Once:
    """Does what comes under a key in one transaction with the key and the answer.

    No connection waits for a client: one is taken when the body is there, and given back before the answer goes out.
    Nor does one wait for the same key here: the second gets its turn, and the first one's answer, when that is settled.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(HEADER) if _is_write(scope) else None
        if key is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        held = resources(request)
        _check(key)
        body = await request.body()
        found = await who_asks(request, held)
        asked = idempotency.Request(
            actor=found.actor.name if found is not None and found.way != "visitor" else "",
            key=key,
            content=f"{scope['method']} {scope['path']}?{request.url.query}\n".encode() + body,
        )
        transaction = InTransaction(held.thread_pool, asked)
        try:
            async with AsyncExitStack() as lease:
                await lease.enter_async_context(self._turn(asked))
                lease.push_async_callback(run_in_threadpool, transaction.end)
                await run_in_threadpool(transaction.begin)
                scope[UNDER_WAY] = transaction
                answer = _HeldBack(transaction, lease, held.vault, body, receive, send)
                await self._app(scope, answer.receive, answer.send)
        except _AnsweredBeforeError as before:
            await _given_again(before.answer, held.vault)(scope, receive, send)

    def _turn(self, asked: idempotency.Request) -> asyncio.Lock:
        return self._turns.setdefault((asked.actor, asked.key), asyncio.Lock())


class _AnsweredBeforeError(Exception):
    """What is asked was done when it came before."""

    def __init__(self, answer: idempotency.Answer) -> None:
        super().__init__()
        self.answer = answer


class InTransaction:
    """Gives the connection of a transaction that is under way, where a pool would give one of its own."""

    def __init__(self, pool: Connections, asked: idempotency.Request) -> None:
        self._pool = pool
        self.asked = asked
        self.under_way: Connection[Row] | None = None
        self._lease = ExitStack()

    def begin(self) -> None:
        """Take a connection, and the key on it.

        Raises:
            _AnsweredBeforeError: the request has come before.
            KeyReusedError: another request came under this key.
        """
        with ExitStack() as lease:
            connection = lease.enter_context(self._pool.connection())
            given = idempotency.take(connection, self.asked, at=datetime.now(UTC))
            if given is not None:
                raise _AnsweredBeforeError(given)
            self.under_way, self._lease = connection, lease.pop_all()

    def end(self) -> None:
        """Give the connection back; what was not committed is undone."""
        connection, self.under_way = self.under_way, None
        with self._lease:
            if connection is not None and not connection.closed:
                connection.rollback()

    @contextmanager
    def connection(self) -> Generator[Connection[Row]]:
        """A part of the transaction, undone by itself when it fails.

        Raises:
            RuntimeError: it is over, and the connection somebody else's.
        """
        if self.under_way is None:
            raise RuntimeError("what is still to be done when the answer goes out is no part of its transaction")
        with self.under_way.transaction():
            yield self.under_way

    @contextmanager
    def aside(self) -> Generator[None]:
        """Undo what was done so far, and begin anew when slow work is done that needs no database."""
        self.end()
        yield
        self.begin()


@dataclass(slots=True)
class _HeldBack:
    """An answer that waits until it is kept, and what it tells of is committed."""

    transaction: InTransaction
    lease: AsyncExitStack
    """Gives back the connection, and the turn."""
    vault: Vault
    body: bytes
    receive_more: Receive
    send_on: Send
    messages: list[Message] = field(default_factory=list[Message])
    size_bytes: int = 0
    is_read: bool = False
    is_out: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> Message:
        """Hand on the body, and the end of the connection once it is settled: who went away comes again and asks."""
        if not self.is_read:
            self.is_read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.is_out.wait()
        return await self.receive_more()

    async def send(self, message: Message) -> None:
        """Hold back until the answer is whole, or too long to be kept."""
        if self.is_out.is_set():
            await self.send_on(message)
            return
        self.messages.append(message)
        self.size_bytes += len(message.get("body", b""))
        is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_whole or self.size_bytes > MOST_KEPT_BYTES:
            await run_in_threadpool(self._settle)
            await self.lease.aclose()
            self.is_out.set()
            for each in self.messages:
                await self.send_on(each)

    def _settle(self) -> None:
        """Commit what was done; what was refused leaves its key free, and what failed leaves nothing."""
        connection, asked = self.transaction.under_way, self.transaction.asked
        if connection is None:  # failed aside, before anything was done
            return
        start, *parts = self.messages
        if start["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            connection.rollback()
            return
        if start["status"] >= HTTPStatus.BAD_REQUEST:
            idempotency.forget(connection, asked)
        else:
            idempotency.remember(connection, asked, self._answer(start, parts))
        connection.commit()

    def _answer(self, start: Message, parts: list[Message]) -> idempotency.Answer:
        headers = {name: value for name, value in Headers(raw=start["headers"]).items() if name != "content-length"}
        is_kept = self.size_bytes <= MOST_KEPT_BYTES and headers.get("content-type", _JSON) == _JSON
        body = base64.b64encode(b"".join(part.get("body", b"") for part in parts)).decode()
        return idempotency.Answer(
            status=start["status"], headers=headers, body=self.vault.seal(body) if is_kept else None
        )


def _is_write(scope: Scope) -> bool:
    return scope["type"] == "http" and takes_key(scope["method"], scope["path"])


def _check(key: str) -> None:
    if re.fullmatch(PATTERN, key) is None or not SHORTEST <= len(key) <= LONGEST:
        detail = f"{HEADER}: {SHORTEST} to {LONGEST} printable letters of ASCII without spaces are expected"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _given_again(answer: idempotency.Answer, vault: Vault) -> Response:
    if answer.body is None:
        detail = "this was done when it came before; its answer, long or a file, is not kept: look again"
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    return Response(base64.b64decode(vault.unseal(answer.body)), answer.status, headers=answer.headers)
