"""`busense bridge jt808`: the server to which terminals come. Everything that one of them can use up is bounded."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from cloud.bridges.jt808.connection import Place, Session
from cloud.bridges.jt808.frame import Splitter
from cloud.bridges.jt808.keeping import BlurredAlbum, keeping_raw
from cloud.bridges.jt808.registry import Registry, Terminal
from cloud.bridges.publish import open_publisher
from cloud.config import CloudConfig, Jt808Config
from cloud.db.pool import open_pool
from cloud.errors import ConfigError, FrameError, UnavailableError
from cloud.people.delays import network_of
from cloud.pictures.blur import Blur
from cloud.pictures.store import open_store

READ_BYTES: Final = 4096
STRANGER_S: Final = 30.0  # to say who it is
WRITE_S: Final = 10.0  # for a terminal to take an answer
BURST_S: Final = 60.0  # of its frames may come at once: late ones after a tunnel
MOST_UNREAD: Final = 16_384  # bytes of answers that a terminal has not taken
POOL_SIZE: Final = 8

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Allowance:
    """A bucket of frames that fills with time."""

    per_s: float
    left: float
    at_s: float

    @classmethod
    def full(cls, per_s: float, *, at_s: float) -> "Allowance":
        return cls(per_s, per_s * BURST_S, at_s)

    def take(self, *, at_s: float) -> bool:
        """Take one frame; false when there is none left."""
        self.left = min(self.per_s * BURST_S, self.left + (at_s - self.at_s) * self.per_s)
        self.at_s = at_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Strangers:
    """Connections that have not yet said who they are, by where they come from, and how each is cut off.

    When there are as many as may be, whoever comes from where fewer are takes the place of one who has waited longest
    where most are: few addresses cannot keep all others out.
    """

    most: int
    most_of_network: int
    of_network: dict[str, dict[object, Callable[[], None]]] = field(
        default_factory=dict[str, dict[object, Callable[[], None]]]
    )

    @property
    def here(self) -> int:
        """How many there are."""
        return sum(len(waiting) for waiting in self.of_network.values())

    def come(self, network: str, who: object, cut_off: Callable[[], None]) -> bool:
        """Take one more; false when there are too many."""
        beside = len(self.of_network.get(network, ()))
        if beside >= self.most_of_network or (self.here >= self.most and not self._makes_room(beside)):
            return False
        self.of_network.setdefault(network, {})[who] = cut_off
        return True

    def leave(self, network: str, who: object) -> None:
        """One is gone, or is none any longer; also who was cut off before."""
        waiting = self.of_network.get(network, {})
        waiting.pop(who, None)
        if not waiting:
            self.of_network.pop(network, None)

    def _makes_room(self, beside: int) -> bool:
        fullest = max(self.of_network, key=lambda network: len(self.of_network[network]))
        if len(self.of_network[fullest]) <= beside:
            return False
        who, cut_off = next(iter(self.of_network[fullest].items()))
        self.leave(fullest, who)
        cut_off()
        return True


class Server:
    """Takes connections, as many as are allowed, and reads each of them at its own pace."""

    def __init__(self, config: Jt808Config, place: Place, *, write_s: float = WRITE_S) -> None:
        self._config, self._place, self._write_s = config, place, write_s
        self._allowances: dict[str, Allowance] = {}  # of terminals that are known, by phone
        self.strangers = Strangers(config.strangers, config.strangers_of_address)
        self.connections = self.refused = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        network = network_of((writer.get_extra_info("peername") or ("",))[0])
        if self.connections >= self._config.connections or not self.strangers.come(
            network, writer, writer.transport.abort
        ):
            self.refused += 1
            writer.close()
            return
        self.connections += 1
        session = Session(self._place, answer=writer.write, leave=writer.transport.abort)
        writer.transport.set_write_buffer_limits(high=MOST_UNREAD)
        try:
            await self._read(session, reader, writer, network)
        except (FrameError, UnavailableError) as error:
            device = session.terminal.device if session.terminal is not None else writer.get_extra_info("peername")
            _log.info("terminal_dropped who=%s error=%s", device, error)
        except (OSError, TimeoutError):
            pass  # it is gone, or silent
        finally:
            session.end()
            await self._close(writer)
            self.connections -= 1
            if not session.is_known:
                self.strangers.leave(network, writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        """Let the last answer go out; without an end, who does not take it would hold the connection for ever."""
        writer.close()
        try:
            async with asyncio.timeout(self._write_s):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            writer.transport.abort()

    async def _read(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, network: str
    ) -> None:
        splitter = Splitter()
        allowance = Allowance.full(self._config.frames_per_s, at_s=time.monotonic())
        known_until_s = time.monotonic() + STRANGER_S
        while True:
            is_known = session.is_known
            wait_s = self._config.idle_s if is_known else max(0.0, known_until_s - time.monotonic())
            async with asyncio.timeout(wait_s):
                data = await reader.read(READ_BYTES)
            if not data:
                return
            for came in splitter.feed(data):
                if isinstance(came, bytes) and not allowance.take(at_s=time.monotonic()):
                    raise FrameError(f"more than {self._config.frames_per_s} frames a second")
                await session.take(came)
                if session.is_known and not is_known:
                    is_known = True
                    self.strangers.leave(network, writer)
                    allowance = self._allowance_of(session.terminal, allowance)
            async with asyncio.timeout(self._write_s):
                await writer.drain()

    def _allowance_of(self, terminal: Terminal | None, new: Allowance) -> Allowance:
        """What a terminal has left from its connections before: who comes anew has no more for it."""
        return new if terminal is None else self._allowances.setdefault(terminal.phone, new)


@asynccontextmanager
async def open_server(config: CloudConfig) -> AsyncGenerator[tuple[Server, int]]:
    """Open what the bridge needs and take connections; the port that it has.

    Raises:
        ConfigError: there is no [jt808] section.
    """
    if config.jt808 is None:
        raise ConfigError("jt808: this command needs a [jt808] section with a broker")
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(config.database.read_url(), max_size=POOL_SIZE))
        place = Place(
            doors=Registry(pool),
            broker=await stack.enter_async_context(open_publisher(config.jt808.broker)),
            raws=await stack.enter_async_context(keeping_raw(pool)),
        )
        server, port = await stack.enter_async_context(serving(config.jt808, place))
        if config.jt808.attachments_host is not None:
            place.album = BlurredAlbum(pool, open_store(config.pictures), Blur(config.serve.blur_command))
            place.attachments_at = config.jt808.attachments_host, port
        yield server, port


@asynccontextmanager
async def serving(config: Jt808Config, place: Place, *, write_s: float = WRITE_S) -> AsyncGenerator[tuple[Server, int]]:
    """Take connections while the context lasts."""
    server = Server(config, place, write_s=write_s)
    listening = await asyncio.start_server(
        server.handle, config.host, config.port, limit=READ_BYTES, backlog=1024, reuse_address=True
    )
    # Else the system itself would hold megabytes of answers for one terminal.
    listening.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_UNREAD)
    async with listening:
        yield server, listening.sockets[0].getsockname()[1]
        listening.close()


def serve_until_signalled(config: CloudConfig) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: saying what has to be put right.
    """
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(config))


async def _serve(config: CloudConfig) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_server(config) as (_, port):
        _log.info("bridge_started protocol=jt808 port=%d", port)
        await stop.wait()
    _log.info("bridge_ended")
