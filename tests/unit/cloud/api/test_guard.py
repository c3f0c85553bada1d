"""The guard alone: what is too large without saying so, and what comes too slowly."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.types import Message
from uvicorn.config import Config
from uvicorn.server import ServerState

from cloud.api.guard import MAX_JSON_BYTES, Guard
from cloud.api.patience import PatientProtocol
from cloud.api.problems import add_problem_answers

JSON = [(b"content-type", b"application/json")]
JPEG = [(b"content-type", b"image/jpeg")]


def app() -> FastAPI:
    made = FastAPI()
    add_problem_answers(made)

    @made.post("/json")
    async def take_json(body: dict[str, str]) -> int:  # pyright: ignore[reportUnusedFunction]
        return len(body)

    @made.post("/bytes")
    async def take_bytes(request: Request) -> int:  # pyright: ignore[reportUnusedFunction]
        return sum([len(part) async for part in request.stream()])

    return made


async def ask(
    path: str, headers: list[tuple[bytes, bytes]], receive: Callable[[], Awaitable[Message]], *, grace_s: float = 30.0
) -> int:
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "http_version": "1.1",
        "root_path": "",
    }
    await Guard(app(), max_body_bytes=1_000_000, origin=None, body_grace_s=grace_s)(scope, receive, send)
    return statuses[0]


def in_pieces(total: int) -> Callable[[], Awaitable[Message]]:
    left = total

    async def receive() -> Message:
        nonlocal left
        piece = min(left, 65_536)
        left -= piece
        return {"type": "http.request", "body": b" " * piece, "more_body": left > 0}

    return receive


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def test_a_body_that_does_not_say_how_large_it_is_is_counted() -> None:
    assert asyncio.run(ask("/json", JSON, in_pieces(MAX_JSON_BYTES + 1))) == 413
    assert asyncio.run(ask("/bytes", JPEG, in_pieces(MAX_JSON_BYTES + 1))) == 200
    assert asyncio.run(ask("/bytes", JPEG, in_pieces(1_000_001))) == 413


def test_a_body_that_says_that_it_is_too_large_is_not_read() -> None:
    announced = (b"content-length", str(MAX_JSON_BYTES + 1).encode())
    assert asyncio.run(ask("/json", [*JSON, announced], never)) == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    assert asyncio.run(ask("/json", JSON, never, grace_s=0.01)) == 408
    assert asyncio.run(ask("/bytes", JPEG, never, grace_s=0.01)) == 408


def test_a_connection_that_says_nothing_is_closed() -> None:
    async def connect() -> bytes:
        class Hasty(PatientProtocol):
            headers_within_s = 0.05

        config = Config(app(), log_config=None)
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(lambda: Hasty(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"POST /json HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        heard = await reader.read()
        writer.close()
        server.close()
        return heard

    assert asyncio.run(connect()) == b""
