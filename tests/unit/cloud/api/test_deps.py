import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from cloud.api.deps import Box, DatabaseDep, parse_bbox


def test_box_is_read_lon_before_lat() -> None:
    assert parse_bbox("120.3,27.4,120.5,27.6") == Box(min_lon=120.3, min_lat=27.4, max_lon=120.5, max_lat=27.6)


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "2,0,1,1", "0,2,1,1", "0,0,181,1", "0,0,1,91", "nan,0,1,1", "0,0,inf,1"],
)
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_bbox(text)


@dataclass
class OneConnection:
    """A pool, and what holds it: the resources of an application that has nothing else."""

    given: int = 0

    @property
    def pool(self) -> "OneConnection":
        return self

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[object]:
        self.given += 1
        yield self
        self.given -= 1


def test_an_answer_that_is_slow_to_be_taken_holds_no_connection() -> None:
    app, held, sent = FastAPI(), OneConnection(), list[Message]()
    app.state.resources = held

    @app.get("/given")
    async def given(connection: DatabaseDep) -> int:
        return held.given

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        assert held.given == 0
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/given", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    assert sent[-1]["body"] == b"1", "while it was asked there was one"
