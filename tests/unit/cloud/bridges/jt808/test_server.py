"""Connections over real sockets: who does not read what it is answered."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from benchmarks.terminals import Spot, location_body
from benchmarks.terminals import Terminal as Line
from cloud.bridges.jt808.body import MessageId, Result
from cloud.bridges.jt808.frame import Frame, encode_frame
from cloud.bridges.jt808.registry import Terminal, known_as
from cloud.bridges.jt808.server import BURST_S, MOST_UNREAD, Server, Strangers, serving
from cloud.bridges.jt808.translate import Said
from cloud.config import BrokerConfig, BrokerKind, Jt808Config
from cloud.people.delays import network_of
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
            assert (server.connections, server.strangers.here) == (1, 0)
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


FEW = CONFIG.model_copy(update={"strangers": 4, "strangers_of_address": 2})
Come = Callable[[str], Awaitable[Line]]


@asynccontextmanager
async def crowd(host: str = "127.0.0.1") -> AsyncGenerator[tuple[Server, Come]]:
    """A server, and lines to it from any address of this machine."""
    lines: list[Line] = []
    config = FEW.model_copy(update={"host": host})
    async with serving(config, OpenWorld().place()) as (server, port), asyncio.timeout(30):

        async def come(source: str) -> Line:
            lines.append(await Line.connect(port, "5", host=host, source=source))
            return lines[-1]

        try:
            yield server, come
        finally:
            for line in lines:
                line.close()


async def is_sent_away(line: Line) -> bool:
    return await line.reader.read(1) == b""


async def is_served(line: Line) -> bool:
    return await line.authenticate("welcome") is Result.DONE


async def strangers_are(server: Server, count: int) -> None:
    while server.strangers.here != count:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0)


def counted(strangers: Strangers) -> dict[str, int]:
    return {network: len(waiting) for network, waiting in strangers.of_network.items()}


def test_one_address_full_of_strangers_keeps_no_other_out() -> None:
    async def run() -> None:
        async with crowd() as (server, come):
            silent = [await come("127.0.0.2") for _ in range(2)]
            await strangers_are(server, 2)
            assert await is_sent_away(await come("127.0.0.2"))
            assert await is_served(await come("127.0.0.3"))
            silent[0].close()
            await strangers_are(server, 1)
            for _ in range(2):
                assert await is_served(await come("127.0.0.2")), "who left, or said who it is, makes room"
            assert (server.refused, counted(server.strangers)) == (1, {"127.0.0.2": 1})

    asyncio.run(run())


def test_strangers_of_all_addresses_together_are_bounded_too() -> None:
    async def run() -> None:
        async with crowd() as (server, come):
            silent = [await come(f"127.0.0.{2 + number}") for number in range(4)]
            await strangers_are(server, 4)
            for number in range(4):
                assert await is_sent_away(await come(f"127.0.0.{2 + number}")), "a place is made only where fewer wait"
            assert server.strangers.here == 4
            assert await is_served(silent[3])
            assert await is_served(await come("127.0.0.9"))

    asyncio.run(run())


def test_few_addresses_full_of_strangers_keep_no_other_out() -> None:
    async def run() -> None:
        async with crowd() as (server, come):
            silent = [await come(f"127.0.0.{2 + number // 2}") for number in range(4)]
            await strangers_are(server, 4)
            assert await is_served(await come("127.0.0.9"))
            assert await is_sent_away(silent[0]), "who waited longest where most were"
            assert await is_served(silent[1])
            assert (server.refused, server.strangers.here) == (0, 2)

    asyncio.run(run())


def test_strangers_by_ipv6_are_counted_by_their_network() -> None:
    async def run() -> None:
        async with crowd("::1") as (server, come):
            for _ in range(2):
                await come("::1")
            await strangers_are(server, 2)
            assert await is_sent_away(await come("::1"))
            assert counted(server.strangers) == {"::/64": 2}

    asyncio.run(run())


def test_whoever_has_a_network_of_ipv6_is_one_address() -> None:
    strangers = Strangers(most=4, most_of_network=2)
    came = [network_of(address) for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1")]
    assert [strangers.come(network, number, lambda: None) for number, network in enumerate(came)] == [
        True,
        True,
        False,
        True,
    ]
