"""N buses, each with the real agent; a few of them with the real detector."""

import logging
import math
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from edge_agent.agent import Agent
from edge_agent.clock import BusClock, system_now
from edge_agent.config import (
    AgentConfig,
    Ble,
    Broker,
    Camera,
    Cloud,
    FurnitureSettings,
    HealthSettings,
    Identity,
    Model,
    OutboxSettings,
    TrackSettings,
)
from edge_agent.readings import Image
from edge_agent.vision.detections import Detector
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.ground import CameraModel
from simulator.devices import device_names, key_file, secret_file
from simulator.error_model import ErrorModelDetector
from simulator.errors import SimulatorError
from simulator.exposure import Exposures
from simulator.frames import Look
from simulator.furniture import MANIFEST, FurnitureEyes
from simulator.gnss import Gnss
from simulator.people import Rider, TagRadio, make_riders
from simulator.route import Course, Motion, Pose
from simulator.sensors import CAMERA_ID, BusSensors, Rates, RealClock
from simulator.speeding import Limits, too_fast
from simulator.stop_radio import StopRadio
from simulator.wheel import DRIVING, Moment, Wheel, harsh_moments
from simulator.world import World
from wire.error_model import load_error_model

log = logging.getLogger(__name__)

FULL_FRAMES_PER_S: Final = 5.0
CHEAP_FRAMES_PER_S: Final = 4.0
TRACK_BATCH_S: Final = 2.0  # a viewer wants to see buses move
HEALTH_EVERY_S: Final = 5.0
FULL_NICE: Final = 10  # on a busy machine the real detector waits; the others need little
ROUGH_EVERY: Final = 3  # one driver of so many ...
ROUGH_BRAKING_MPS2: Final = 3.8  # ... brakes late ...
ROUGH_FASTER: Final = 1.35  # ... and drives so many times as fast
FURNITURE_EVERY_M: Final = 3.0
STORING_TURN_S: Final = 5.0
LOOK_AT_HALTS_EVERY_S: Final = 0.1
STORING_TURNS: Final = 9  # a lost receipt is made good within 30 s


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """Which buses there are and whom they talk to."""

    city: str
    buses: int
    full: int  # of them, with the real detector
    seed: int
    for_s: float | None
    broker_url: str
    cloud_url: str
    secrets: Path  # a folder with <device>.secret for each bus
    work: Path
    clock_off_s: float | None = None  # of each bus's machine, until a receiver tells the time; None: right
    tokens: Path | None = None  # a folder with the tokens of a desk and crews, who then handle the cases
    stop_broker_url: str | None = None  # of the broker of every stop
    without_network: int = 0  # of the buses: they reach the cloud only by a stop, where they halt
    errors: Path | None = None  # error_model.json, by which the others are wrong; None: a better detector is made up
    names: tuple[str, ...] = ()  # of the buses; none: they are numbered

    @property
    def devices(self) -> tuple[str, ...]:
        """All of them, those with the real detector first and those without a network last."""
        return self.names or tuple(device_names(self.buses))

    def driven_s(self, elapsed_s: float) -> float:
        """How long buses were under way; until the cloud has all that they hold, more time passes."""
        return elapsed_s if self.for_s is None else min(elapsed_s, self.for_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCounts:
    """What all agents did so far."""

    frames: int = 0
    frames_dropped: int = 0
    frames_unusable: int = 0
    boxes: int = 0
    observations: int = 0
    pictures: int = 0
    sent: int = 0  # messages put into the outboxes
    sent_without_network: int = 0  # of them, by buses that reach the cloud only by a stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    device: str
    agent: Agent
    is_full: bool
    sensors: BusSensors
    radio: StopRadio | None  # of one without a network


class Fleet:
    """Drives all buses; each agent runs in a thread of its own."""

    def __init__(self, plan: FleetPlan, world: World, *, stop: threading.Event) -> None:
        """Build the buses; they begin to drive with `start`."""
        self._plan, self._world, self._stop = plan, world, stop
        self.exposures = Exposures()
        self._clock = RealClock(stop)
        self._air = ExitStack()
        self._rough: dict[int, Motion] = {}
        self.riders: tuple[Rider, ...] = tuple(
            make_riders([self._way(number) for number in range(plan.buses - plan.without_network)], seed=plan.seed)
        )
        self._without_network = set(plan.devices[plan.buses - plan.without_network :])
        self.buses = tuple(self._bus(number, device) for number, device in enumerate(plan.devices))
        self._failures: list[Exception] = []
        self._lock = threading.Lock()
        self._driving, self._stored = len(self.buses), 0
        self._threads = [
            threading.Thread(target=self._drive, args=(bus,), name=bus.device, daemon=True) for bus in self.buses
        ]

    def start(self) -> None:
        """Let all buses drive off at once."""
        self._clock.start(datetime.now(UTC))
        self._world.repairs.begin(self._clock.elapsed_s)
        self._world.fixtures.begin(self._clock.elapsed_s)
        for thread in self._threads:
            thread.start()
        if self._without_network:
            threading.Thread(target=self._follow_halts, name="radios", daemon=True).start()

    @property
    def is_driving(self) -> bool:
        """Whether any bus still does.

        Raises:
            Exception: what ended an agent that should not have ended.
        """
        if self._failures:
            raise self._failures[0]
        return self._driving > 0

    def counts(self) -> FleetCounts:
        counters = [bus.agent.counters for bus in self.buses]
        return FleetCounts(
            frames=sum(each.frames for each in counters),
            frames_dropped=sum(each.frames_dropped for each in counters),
            frames_unusable=sum(each.frames_unusable for each in counters),
            boxes=sum(each.boxes for each in counters),
            observations=sum(each.observations for each in counters),
            pictures=sum(each.pictures for each in counters),
            sent=sum(each.messages for each in counters),
            sent_without_network=sum(bus.agent.counters.messages for bus in self.buses if bus.radio is not None),
        )

    def wait_until_stored(self) -> bool:
        """Wait until the cloud has everything of every bus; False for what it has not in time."""
        for thread in self._threads:
            thread.join()
        return self._stored == len(self.buses)

    def close(self) -> None:
        """Close the outboxes; nothing can be counted afterwards."""
        for bus in self.buses:
            bus.agent.close()
        self._air.close()

    def _follow_halts(self) -> None:
        """A bus without a network has one while it halts, and when it is back in the depot."""
        while not self._stop.wait(LOOK_AT_HALTS_EVERY_S):
            for bus in self.buses:
                if bus.radio is not None:
                    bus.radio.follow(is_halting=bus.sensors.is_halting)

    def _drive(self, bus: Bus) -> None:
        """Drive to the end, then stay connected until all is stored."""
        if bus.is_full:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), FULL_NICE)
        try:
            bus.agent.run(self._stop)
        except Exception as error:
            log.exception("agent_failed device=%s", bus.device)
            self._failures.append(error)
        finally:
            with self._lock:
                self._driving -= 1
        is_stored = self._is_stored_in_time(bus)
        with self._lock:
            self._stored += is_stored

    def _is_stored_in_time(self, bus: Bus) -> bool:
        """Wait for the cloud, in turns, so that nobody who wants to stop must wait long."""
        for _ in range(STORING_TURNS):
            if self._stop.is_set():
                return False
            if bus.agent.wait_until_stored(STORING_TURN_S):
                return True
        return False

    def _bus(self, number: int, device: str) -> Bus:
        is_full = number < self._plan.full
        detector = self._detector(number, is_full=is_full)
        motion, phase_s = self._way(number)
        clock, eyes = wrong_clock(self._plan.clock_off_s), self._furniture_eyes(number, motion)
        sensors = BusSensors(
            motion=motion,
            phase_s=phase_s,
            scenery=self._world.scenery,
            gnss=Gnss(plane=self._world.town.plane, rng=self._rng(number, 1), quality=self._world.receiver),
            rates=Rates(frames_per_s=FULL_FRAMES_PER_S if is_full else CHEAP_FRAMES_PER_S),
            clock=self._clock,
            until_s=self._plan.for_s,
            exposures=self.exposures,
            is_cheap=not is_full,
            rng=self._rng(number, 3),
            remember=_told_to(detector, eyes),
            bus_clock=clock,
            wheel=Wheel(motion, phase_s=phase_s, rng=self._rng(number, 5)),
            tags=TagRadio(number, self.riders, rng=self._rng(number, 4)),
        )
        radio = self._radio() if device in self._without_network else None
        config = agent_config(self._plan, device, self._world.scenery.camera, radio=radio)
        agent = Agent(config, sources=[sensors], detector=detector, clock=clock, furniture=eyes)
        return Bus(device=device, agent=agent, is_full=is_full, sensors=sensors, radio=radio)

    def _way(self, number: int) -> tuple[Course, float]:
        """A bus's course, and how long before the simulation it began its lap: as far from the others as can be."""
        if self._world.courses:
            return self._world.courses[number], 0.0
        per_line = math.ceil(self._plan.buses / len(self._world.lines))
        line, behind = divmod(number, per_line)
        motion = self._world.motions[line]
        if number % ROUGH_EVERY == ROUGH_EVERY - 1:
            motion = self._rough_motion(line)
        return motion, motion.lap_s * (per_line - 1 - behind) / per_line

    def _rough_motion(self, line: int) -> Motion:
        """The line as a driver drives it who is fast, and brakes late and hard."""
        if line not in self._rough:
            usual = self._world.motions[line]
            cruise_mps = ROUGH_FASTER * usual.cruise_mps
            self._rough[line] = Motion(usual.line, cruise_mps=cruise_mps, braking_mps2=ROUGH_BRAKING_MPS2)
        return self._rough[line]

    @property
    def started_at(self) -> datetime:
        """When the buses drove off."""
        return self._clock.start_at

    def badly_driven(self, until_s: float) -> list[tuple[str, Moment]]:
        """Which bus was driven harshly or too fast when, in truth."""
        limits = {line.id: Limits(self._world.town, line) for line in self._world.lines}
        return [
            (device, moment)
            for number, device in enumerate(self._plan.devices)
            for motion, phase_s in (self._way(number),)
            for moment in (
                *harsh_moments(motion, phase_s=phase_s, until_s=until_s),
                *too_fast(motion, limits[motion.line.id], phase_s=phase_s, until_s=until_s),
            )
        ]

    def _radio(self) -> StopRadio:
        if self._plan.stop_broker_url is None:
            raise SimulatorError("buses without a network need the broker of a stop: --stop-broker mqtt://HOST:PORT")
        radio = StopRadio(stop_broker_url=self._plan.stop_broker_url, cloud_url=self._plan.cloud_url)
        return self._air.enter_context(radio)

    def _rng(self, number: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self._plan.seed, 5, number, purpose))

    def _furniture_eyes(self, number: int, motion: Course) -> FurnitureEyes:
        camera = self._world.scenery.camera
        return FurnitureEyes(self._world.fixtures, motion.line, camera=camera, rng=self._rng(number, 6))

    def _detector(self, number: int, *, is_full: bool) -> Detector:
        if is_full:
            return OnnxDetector(Model().manifest, threads=1)
        errors = load_error_model(self._plan.errors) if self._plan.errors else None
        return ErrorModelDetector(camera=self._world.scenery.camera, rng=self._rng(number, 2), measured=errors)


def _told_to(detector: Detector, eyes: FurnitureEyes) -> Callable[[Image, Pose, Look], None]:
    """Whom to tell of a picture before the agent sees it."""

    def remember(image: Image, pose: Pose, look: Look) -> None:
        if isinstance(detector, ErrorModelDetector):
            detector.remember(image, pose, look.shown, quality=look.quality)
        eyes.remember(image, pose)

    return remember


def wrong_clock(off_s: float | None) -> BusClock | None:
    """A bus's clock on a machine whose own is wrong and that no network sets; None where the machine's is right."""
    if off_s is None:
        return None
    return BusClock(system=lambda: system_now() + timedelta(seconds=off_s), is_synchronised=lambda: False)


def agent_config(plan: FleetPlan, device: str, camera: CameraModel, *, radio: StopRadio | None = None) -> AgentConfig:
    """Configuration as a bus of this fleet has it."""
    identity = Identity(
        city=plan.city,
        device=device,
        secret_file=secret_file(plan.secrets, device),
        certificate_file=None if radio is None else key_file(plan.secrets, device),
    )
    return AgentConfig(
        identity=identity,
        broker=Broker(url=plan.broker_url) if radio is None else Broker(relays=(radio.broker_url,)),
        cloud=Cloud(url=plan.cloud_url if radio is None else radio.cloud_url),
        camera=Camera(id=CAMERA_ID, frames_per_s=FULL_FRAMES_PER_S, **asdict(camera)),
        ble=Ble(),
        driving=DRIVING,
        model=Model(threads=1),
        furniture=FurnitureSettings(manifest=MANIFEST, every_m=FURNITURE_EVERY_M),
        outbox=OutboxSettings(path=plan.work / device / "outbox.db"),
        track=TrackSettings(batch_s=TRACK_BATCH_S),
        health=HealthSettings(every_s=HEALTH_EVERY_S),
    )
