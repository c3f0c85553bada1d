"""Ask a feed again and again, and tell what is new as buses tell it."""

import asyncio
import contextlib
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
from prometheus_client import Counter
from psycopg import Connection

from cloud.bridges.gtfs_rt.feed import MAX_BYTES, Vehicle, device_of, read_feed, said_of
from cloud.bridges.publish import Said, Speaker, open_publisher
from cloud.config import CloudConfig, GtfsRtConfig
from cloud.db.pool import connect
from cloud.errors import ConfigError, FeedError, UnavailableError
from cloud.fleet.secret import hash_secret
from cloud.notify.timing import asked_wait_s

TIMEOUT_S: Final = 20.0
LONGEST_WAIT_S: Final = 300.0
LONGEST_ASKED_S: Final = 3600.0  # whoever wants to be left alone for longer is asked each hour
AT_ONCE: Final = 200
POSITIONS: Final = Counter("busense_gtfs_rt_positions", "Positions of a feed that the broker has taken.")
REFUSED: Final = Counter("busense_gtfs_rt_refused", "Entities of a feed that tell nothing that can be.")

# Nobody knows the secret: only the bridge speaks for it, by the broker's user of the cloud.
_ENROL: Final = """
INSERT INTO devices (city, device, secret_hash, feed) VALUES (%s, %s, %s, 'gtfs_rt') ON CONFLICT DO NOTHING
"""
_ENROLLED: Final = "SELECT device FROM devices WHERE city = %s AND feed = 'gtfs_rt'"

_log = logging.getLogger(__name__)

Publish = Callable[[Speaker, Said], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """A vehicle of the feed as one of our devices."""

    city: str
    device: str


@dataclass(slots=True, kw_only=True)
class Follower:
    """What of a feed was told already."""

    city: str
    settings: GtfsRtConfig
    enrol: Callable[[Iterable[str]], frozenset[str]]
    publish: Publish
    _told: dict[str, datetime] = field(default_factory=dict[str, datetime])

    async def take(self, content: bytes, *, at: datetime) -> int:
        """Tell what is new in a feed; returns how many positions it was.

        Raises:
            FeedError: it is none.
            UnavailableError: the broker has not taken all of it; the next poll tells the rest.
        """
        feed = read_feed(content, at=at)
        REFUSED.inc(feed.refused)
        fresh = {
            device: vehicle
            for vehicle in feed.vehicles
            if (device := device_of(vehicle.id, prefix=self.settings.prefix)) not in self._told
            or self._told[device] < vehicle.at
        }
        known = await asyncio.to_thread(self.enrol, fresh) if fresh else frozenset[str]()
        news = [(device, vehicle) for device, vehicle in fresh.items() if device in known]
        if len(news) < len(fresh):
            _log.warning("vehicles_left_out vehicles=%d limit=%d", len(fresh) - len(news), self.settings.vehicles)
        for first in range(0, len(news), AT_ONCE):
            await asyncio.gather(*(self._tell(*each) for each in news[first : first + AT_ONCE]))
        return len(news)

    async def _tell(self, device: str, vehicle: Vehicle) -> None:
        await self.publish(Bus(city=self.city, device=device), said_of(vehicle))
        self._told[device] = vehicle.at
        POSITIONS.inc()


def enrol_vehicles(connection: Connection[Any], *, city: str, devices: Iterable[str], limit: int) -> frozenset[str]:
    """Make devices of vehicles that are new, as far as the limit goes; returns those of them in whose name to speak.

    A name that another device has stays that device's.
    """
    wanted = frozenset(devices)
    known = {device for (device,) in connection.execute(_ENROLLED, (city,)).fetchall()}
    new = sorted(wanted - known)[: max(0, limit - len(known))]
    if new:
        with connection.cursor() as cursor:
            cursor.executemany(_ENROL, [(city, device, hash_secret(secrets.token_urlsafe())) for device in new])
        known = {device for (device,) in connection.execute(_ENROLLED, (city,)).fetchall()}
    return wanted & known


async def fetch(settings: GtfsRtConfig) -> bytes:
    """The feed's bytes, no more than may be.

    Raises:
        UnavailableError: it does not answer, or not in time.
        FeedError: it is too large, or packed.
        ConfigError: the file with the header's value cannot be read.
    """
    if settings.path is not None:
        return await asyncio.to_thread(_read_file, settings.path)
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx.AsyncClient(verify=settings.context(), timeout=TIMEOUT_S, trust_env=False) as client,
            client.stream("GET", settings.url, headers={"Accept-Encoding": "identity", **settings.headers()}) as answer,
        ):
            if answer.status_code != HTTPStatus.OK:
                wait_s = asked_wait_s(answer.headers.get("retry-after", ""), datetime.now(UTC))
                raise UnavailableError(f"the feed answers {answer.status_code}", wait_s=wait_s)
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise FeedError("the feed comes packed, which was not asked for")  # a small one may unpack to anything
            return await _read_all(answer)
    except (TimeoutError, httpx.HTTPError) as error:
        raise UnavailableError(f"the feed does not answer: {type(error).__name__}") from error


async def _read_all(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > MAX_BYTES:
            raise FeedError(f"the feed has more than {MAX_BYTES} bytes")
    return bytes(content)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnavailableError(f"{path}: {error}") from error


def follow_until_signalled(config: CloudConfig) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: saying what has to be put right.
    """
    settings = config.gtfs_rt
    if settings is None:
        raise ConfigError("gtfs_rt: this command needs a [gtfs_rt] section with url and broker")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(config, settings))


async def _follow(config: CloudConfig, settings: GtfsRtConfig) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def enrol(devices: Iterable[str]) -> frozenset[str]:
        with connect(config.database.read_url()) as connection:
            return enrol_vehicles(connection, city=config.city, devices=devices, limit=settings.vehicles)

    async with open_publisher(settings.broker) as publisher:
        follower = Follower(city=config.city, settings=settings, enrol=enrol, publish=publisher.publish)
        _log.info("bridge_started protocol=gtfs_rt every_s=%g", settings.every_s)
        await poll(follower, lambda: fetch(settings), stop=stop)
    _log.info("bridge_ended")


def pause_s(before_s: float, *, every_s: float, asked_s: float) -> float:
    """How long a feed that failed is left alone: longer than before, and as long as it asks for (`Retry-After`)."""
    return max(min(2 * before_s, max(LONGEST_WAIT_S, every_s)), min(asked_s, LONGEST_ASKED_S))


async def poll(follower: Follower, fetch_once: Callable[[], Awaitable[bytes]], *, stop: asyncio.Event) -> None:
    """Poll until told to stop; a feed that is broken or away is asked less often."""
    every_s = follower.settings.every_s
    wait_s = every_s
    while not stop.is_set():
        try:
            count = await follower.take(await fetch_once(), at=datetime.now(UTC))
        except (FeedError, UnavailableError, psycopg.OperationalError) as error:
            _log.warning("feed_failed error=%s", error)
            asked_s = error.wait_s if isinstance(error, UnavailableError) else 0.0
            wait_s = pause_s(wait_s, every_s=every_s, asked_s=asked_s)
        else:
            _log.info("feed_taken positions=%d", count)
            wait_s = every_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await stop.wait()
