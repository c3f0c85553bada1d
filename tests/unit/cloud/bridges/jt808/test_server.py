"""Connections over real sockets: who does not read what it is answered."""

import asyncio
import socket
from collections import Counter
from dataclasses import dataclass, field

import pytest

from benchmarks.terminals import Spot, location_body
from benchmarks.terminals import Terminal as Line
from cloud.bridges.jt808.body import MessageId, Result
from cloud.bridges.jt808.frame import Frame, encode_frame
from cloud.bridges.jt808.registry import Terminal, known_as
from cloud.bridges.jt808.server import BURST_S, MOST_UNREAD, serving
from cloud.bridges.jt808.translate import Said
from cloud.config import BrokerConfig, BrokerKind, Jt808Config
from tests.unit.cloud.bridges.jt808.test_connection import AT, World

CONFIG = Jt808Config(
    broker=BrokerConfig(kind=BrokerKind.MQTT, url="mqtt://127.0.0.1"), host="127.0.0.1", port=0, frames_per_s=1000
)
SPOT = Spot(at=AT, lon=120.4, lat=27.5)
ANSWER_BYTES = 20
WRITE_S = 0.2


@dataclass
class OpenWorld(World):
    """Everybody may come, under the name that is its code."""

    reports: Counter[str] = field(default_factory=Counter[str])

    async def authenticate(self, phone: str, code: str) -> Terminal | None:
        return Terminal(phone=known_as(phone), city="c", device=code)

    async def publish(self, terminal: Terminal, said: Said) -> None:
        self.reports[terminal.device] += 1


def said(message_id: int, body: bytes) -> bytes:
    return encode_frame(Frame(message_id=message_id, phone="13812345678".zfill(12), serial=1, body=body))


async def report_until_cut_off(port: int) -> None:
    """Say who it is and where it is, again and again, and never read."""
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", port))
        await loop.sock_sendall(deaf, said(MessageId.AUTHENTICATE, b"deaf"))
        while True:
            await loop.sock_sendall(deaf, 50 * said(MessageId.LOCATION, location_body(SPOT)))


def test_who_never_takes_its_answers_is_cut_off_and_the_others_go_on() -> None:
    world = OpenWorld()

    async def run() -> None:
        async with serving(CONFIG, world.place(), write_s=WRITE_S) as (server, port), asyncio.timeout(30):
            other = await Line.connect(port, "2")
            assert await other.authenticate("other") is Result.DONE
            deaf = asyncio.create_task(report_until_cut_off(port))
            while not deaf.done():
                assert await other.report(SPOT) is Result.DONE
            with pytest.raises(ConnectionError):
                await deaf
            assert (server.connections, server.strangers) == (1, 0)
            other.close()

    asyncio.run(run())
    assert world.reports["deaf"] * ANSWER_BYTES < 10 * MOST_UNREAD, "what it did not read is bounded"


async def report_for_ever(line: Line) -> None:
    while True:
        await line.report(SPOT)


def test_who_comes_anew_has_no_more_frames_for_it() -> None:
    world = OpenWorld()

    async def run() -> None:
        async with serving(CONFIG.model_copy(update={"frames_per_s": 0.5}), world.place()) as (_, port):
            for _ in range(3):
                line = await Line.connect(port, "3")
                await line.send(MessageId.AUTHENTICATE, b"greedy")
                with pytest.raises(ConnectionError):
                    await report_for_ever(line)
                line.close()

    asyncio.run(run())
    assert world.reports["greedy"] < 2 * BURST_S * 0.5
