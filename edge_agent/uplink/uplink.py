"""Outbox, pictures, the two threads that empty them, and one that heals."""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

from edge_agent.clock import BusClock, system_now
from edge_agent.config import AgentConfig
from edge_agent.uplink.answers import Answers
from edge_agent.uplink.cloud import CloudAddress
from edge_agent.uplink.evidence import PictureFolder, Uploader
from edge_agent.uplink.health import disk_free_bytes
from edge_agent.uplink.orders import Orders
from edge_agent.uplink.outbox import HEAL_EVERY_S, Outbox
from edge_agent.uplink.publisher import BrokerAddress, Publisher
from telemetry.server import Needs
from wire.envelope import time_of_id

log = logging.getLogger(__name__)

ENDS_WITHIN_S: Final = 30.0


class _Worker(Protocol):
    def run(self, stop: threading.Event) -> None: ...


class _Healer:
    """Looks after an outbox that is in memory, or that has a damaged file to salvage."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._outbox.heal()
            self._outbox.salvage(stop)
            stop.wait(HEAL_EVERY_S)


class Uplink:
    """What leaves the bus."""

    def __init__(self, config: AgentConfig, *, clock: BusClock | None, orders: Orders | None = None) -> None:
        """Open outbox and picture folder; without orders what the cloud wants is declined.

        Raises:
            ConfigurationError: the secret cannot be read.
            OutboxError: another agent uses this outbox.
        """
        identity, path, secret = config.identity, config.outbox.path, config.identity.secret()
        city, device = identity.city, identity.device
        self._now = system_now if clock is None else clock.now
        self._clock = clock
        self._addresses = _broker_addresses(config, secret)
        self._cloud = CloudAddress.of(config)
        orders = orders or Orders()
        self.answers = Answers(self._cloud, logs=orders.logs)
        self._orders = replace(orders, answer=self.answers.ask)
        self.pictures = PictureFolder(path.with_suffix(".pictures"))
        self.outbox = Outbox(
            path,
            source=f"/{city}/{device}",
            max_bytes=config.outbox.max_bytes,
            now=system_now if clock is None else clock.certain,
            disk_free=lambda: disk_free_bytes(path.parent),
            drop_picture=self.pictures.remove,
        )
        if clock is not None and self.outbox.last_id is not None:
            clock.note_past(time_of_id(self.outbox.last_id))
        self.needs = Needs(broker=f"{self._addresses[0].url} has not been connected yet")
        self._lock = threading.Lock()
        self._users = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failure: Exception | None = None

    @contextmanager
    def running(self) -> Generator[None]:
        """Send while anybody needs it."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._start()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._end()

    def check(self) -> None:
        """Raise what ended a sending thread that should not have ended."""
        if self._failure is not None:
            raise self._failure

    @property
    def is_empty(self) -> bool:
        """Whether the cloud has everything, pictures and what is still to be salvaged too."""
        depth = self.outbox.depth()
        return self.outbox.is_whole and depth.messages == 0 and depth.pictures == 0

    def _start(self) -> None:
        self._stop.clear()
        workers: list[tuple[str, _Worker]] = [
            ("publisher", self._publisher()),
            ("healer", _Healer(self.outbox)),
            ("uploader", Uploader(self._cloud, self.outbox, self.pictures, now=self._now)),
            ("answers", self.answers),
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), name=name, daemon=True) for name, worker in workers
        ]
        for thread in self._threads:
            thread.start()

    def _publisher(self) -> Publisher:
        return Publisher(
            self._addresses, self.outbox, now=self._now, clock=self._clock, needs=self.needs, orders=self._orders
        )

    def _work(self, worker: _Worker) -> None:
        try:
            worker.run(self._stop)
        except Exception as error:
            log.exception("uplink_failed")
            self._failure = error

    def _end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(ENDS_WITHIN_S)


def _broker_addresses(config: AgentConfig, secret: str) -> list[BrokerAddress]:
    """The cloud's own broker first, then those of stops."""
    broker, identity = config.broker, config.identity
    cloud = [] if broker.url is None else [(broker.url, False)]
    return [
        BrokerAddress(
            url=url,
            city=identity.city,
            device=identity.device,
            secret=secret,
            ca_file=broker.ca_file,
            certificate_file=identity.certificate_file,
            is_relay=is_relay,
        )
        for url, is_relay in [*cloud, *((url, True) for url in broker.relays)]
    ]
