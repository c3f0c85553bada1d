"""One process, one agent after the other: each begins with the generation that is in use when it begins."""

import gc
import logging
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from edge_agent.agent import Agent, camera_model, open_privacy
from edge_agent.clock import BusClock
from edge_agent.config import AgentConfig
from edge_agent.errors import ConfigurationError
from edge_agent.meter import telling_of
from edge_agent.preview.preview import Preview
from edge_agent.preview.server import serving
from edge_agent.preview.status import BusStatus
from edge_agent.sources import make_sources
from edge_agent.updates.generation import OwnFile
from edge_agent.updates.updater import Start, Updater
from edge_agent.uplink.cloud import CloudAddress
from edge_agent.uplink.orders import NoUpdates, Orders
from edge_agent.vision.detector import open_detector, open_furniture, open_shadow
from edge_agent.vision.driver_eyes import open_eyes
from edge_agent.vision.shadow import ShadowedDetector
from telemetry.logs import LastLines

log = logging.getLogger(__name__)

LOG_LINES: Final = 1000  # that the cloud may ask for


class Lives:
    """The agents of this process; the clock that they learned stays."""

    def __init__(self, config_file: Path, *, preview_address: str | None = None) -> None:
        """Read the bus's own file.

        Raises:
            ConfigurationError: it is wrong.
        """
        self._own = OwnFile.read(config_file)
        self._preview_address = preview_address
        self._clock = BusClock()
        self._end = threading.Event()  # of the agent that runs
        self._is_over = False
        config = self._own.with_generation(None)
        updates = config.updates
        self._updater = None if updates is None else Updater(self._own, updates, CloudAddress.of(config))
        self._lines = LastLines(LOG_LINES)
        self._orders = Orders(twin=self._updater or NoUpdates(), restart=self._restart, logs=self._lines.text)

    def stop(self) -> None:
        """End for good; may be called from a signal."""
        self._is_over = True
        self._end.set()

    def run(self) -> None:
        """Let one agent follow the other until told to stop, or until the sources of one end.

        Raises:
            Exception: what ended an agent that should not have ended.
        """
        with self._keeping_lines(), self._updater.running() if self._updater is not None else nullcontext():
            while self._live() and not self._is_over:
                gc.collect()  # the old network, before a new one is loaded

    @contextmanager
    def _keeping_lines(self) -> Generator[None]:
        logging.getLogger().addHandler(self._lines)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(self._lines)

    def _restart(self) -> None:
        log.info("agent_restarts")
        self._end.set()

    def _live(self) -> bool:
        """Run one agent; whether another is to follow."""
        self._end = threading.Event()
        if self._is_over:
            return False
        updater = self._updater
        if updater is None:
            self._run_agent(None)
            return self._end.is_set()
        start = updater.start()
        try:
            self._run_agent(start)
        except Exception as error:
            if not updater.forgives(error, start):
                raise
            log.exception("agent_failed")
            return True
        return self._end.is_set()

    def _run_agent(self, start: Start | None) -> None:
        end = self._end
        config = self._own.with_generation(None if start is None else start.generation)
        with ExitStack() as stack:
            bus = self._open_agent(config, stack)
            log.info("agent_started device=%s messages=%d", config.identity.device, bus.counters.messages)
            stack.enter_context(telling_of(bus, config.telemetry.address))
            if self._updater is not None and start is not None:
                stack.enter_context(self._updater.watching(bus, config, start, end))
            try:
                bus.run(end)
            finally:
                log.info("agent_ended %s", bus.counters)

    def _open_agent(self, config: AgentConfig, stack: ExitStack) -> Agent:
        """Open the agent, and the page that shows it; the stack closes both, the page first."""

        def status() -> BusStatus:
            waiting = bus.waiting
            return BusStatus(
                device=config.identity.device,
                frames_dropped=bus.counters.frames_dropped,
                messages_waiting=waiting.messages,
                pictures_waiting=waiting.pictures,
                bytes_waiting=waiting.bytes,
            )

        address, preview = self._preview_address, None
        if address is not None:
            if config.camera is None:
                raise ConfigurationError("camera is missing: the preview shows what it sees")
            preview = Preview(camera_model(config.camera), privacy=open_privacy(config), bus=status)
        clock, shadow = self._clock, None
        detector = None if config.camera is None else open_detector(config.model)
        if config.shadow is not None and detector is not None:
            detector = ShadowedDetector(
                detector,
                open_shadow(config.shadow),
                package=config.shadow.package,
                share=config.shadow.share,
                now=clock.now(),
            )
            stack.enter_context(detector.running())
            shadow = detector.read
        looks = config.driver_camera
        eyes = None if looks is None else open_eyes(looks, config.privacy.faces)
        sources = make_sources(config, now=clock.now, hear=clock.hear_gnss, eyes=eyes)
        bus = Agent(
            config,
            sources=sources,
            detector=detector,
            clock=clock,
            watcher=preview,
            orders=self._orders,
            shadow=shadow,
            furniture=open_furniture(config.furniture),
        )
        stack.callback(bus.close)
        if preview is not None and address is not None:
            url = stack.enter_context(serving(preview, address))
            log.info("preview_open url=%s", url)
        return bus
