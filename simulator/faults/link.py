"""A relay between a bus and a server that can be cut, stalled, slowed, and made to double and disorder messages."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import urlsplit

_CHUNK_BYTES: Final = 16_384
_PUBLISH: Final = 3  # MQTT packet type
_MQTT_PORTS: Final = {"mqtt": 1883}
_ENDS_WITHIN_S: Final = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the link treats what passes. Shares are chances of each MQTT message from the bus."""

    is_cut: bool = False  # connections are reset and new ones closed at once
    is_stalled: bool = False  # half-open: connections stay, nothing passes
    delay_s: float = 0.0  # each way, for each packet
    bytes_per_s: float | None = None
    doubled: float = 0.0
    overtaken: float = 0.0  # comes after the message behind it


SOUND: Final = Behaviour()


class FaultyLink:
    """Listens on a free port of the loopback address and relays to a server; it may be told off from any thread."""

    def __init__(self, target_url: str, *, seed: int = 0) -> None:
        """Relay to `target_url` (mqtt, http); what an mqtt bus says is passed on message by message."""
        parts = urlsplit(target_url)
        self._scheme, self._host = parts.scheme, parts.hostname or "127.0.0.1"
        self._target_port = parts.port or _MQTT_PORTS.get(parts.scheme, 80)
        self._random = random.Random(seed)
        self._behaviour = SOUND
        self._loop = asyncio.new_event_loop()
        self._passes = asyncio.Event()
        self._passes.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._port = 0
        self._server: asyncio.Server | None = None
        self.connections = 0
        self.messages_doubled = 0
        self.messages_overtaken = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ENDS_WITHIN_S)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where the bus must be told that its server is."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def behave(self, behaviour: Behaviour) -> None:
        """From now on, also for connections that are open."""
        self._call(self._behave(behaviour))

    def reset(self) -> None:
        """Reset every open connection; new ones pass."""
        self._call(self._reset())

    def _call(self, work: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result(_ENDS_WITHIN_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._reset()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _behave(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        if behaviour.is_stalled:
            self._passes.clear()
        else:
            self._passes.set()
        if behaviour.is_cut:
            await self._reset()

    async def _reset(self) -> None:
        for writer in self._writers:
            _abort(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._behaviour.is_cut:
            _abort(writer)
            return
        self.connections += 1
        self._tasks.add(task)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):  # the server is away, one side has reset, or the relay ends
            _abort(writer)
        finally:
            self._tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self._host, self._target_port)
        pair = {writer, server_writer}
        if self._behaviour.is_cut:  # meanwhile
            for each in pair:
                _abort(each)
            return
        self._writers |= pair
        up = self._disordered(_mqtt_packets(reader)) if self._scheme == "mqtt" else _chunks(reader)
        pumps = [
            asyncio.create_task(self._pump(up, server_writer)),
            asyncio.create_task(self._pump(_chunks(server_reader), writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= pair
            for each in pair:
                _abort(each)

    async def _pump(self, packets: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async for packet in packets:
                await self._passes.wait()
                await asyncio.sleep(self._time_of(packet))
                writer.write(packet)
                await writer.drain()
            writer.write_eof()

    def _time_of(self, packet: bytes) -> float:
        rate = self._behaviour.bytes_per_s
        return self._behaviour.delay_s + (len(packet) / rate if rate else 0.0)

    async def _disordered(self, packets: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        held: bytes | None = None
        async for packet in packets:
            is_message = packet[0] >> 4 == _PUBLISH
            if is_message and held is None and self._random.random() < self._behaviour.overtaken:
                held = packet
                continue
            yield packet
            if is_message and self._random.random() < self._behaviour.doubled:
                self.messages_doubled += 1
                yield packet
            if held is not None:
                self.messages_overtaken += 1
                yield held
                held = None


def _abort(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, as a radio cell that forgot us would, instead of ending it in order."""
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await reader.read(_CHUNK_BYTES):
        yield chunk


async def _mqtt_packets(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Whole control packets.

    Source: MQTT 3.1.1, section 2.2 (fixed header and remaining length).
    """
    while head := await reader.read(1):
        length, shift = 0, 0
        while True:
            byte = await reader.readexactly(1)
            head += byte
            length |= (byte[0] & 127) << shift
            shift += 7
            if byte[0] < 128:  # noqa: PLR2004 - the continuation bit
                break
        yield head + await reader.readexactly(length)
