"""Camera and receiver of one simulated bus, in real time."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np

from edge_agent.clock import BusClock
from edge_agent.readings import FrameReading, GnssReading, Image, Reading
from simulator.exposure import Exposures, InView
from simulator.frames import Look, Scenery
from simulator.gnss import Gnss
from simulator.people import EVERY_S, TagRadio
from simulator.route import Course, Pose
from simulator.wheel import Wheel

CAMERA_ID = "front"
NOISY_ROWS = 4
STANDING_MPS = 0.05


class Clock(Protocol):
    """Time since the simulation began, and waiting for it."""

    start_at: datetime

    def elapsed_s(self) -> float: ...

    def wait_until(self, elapsed_s: float) -> bool:
        """Wait; False when the simulation was stopped meanwhile."""
        ...


class RealClock:
    """The world's time, from `start` on."""

    def __init__(self, stop: threading.Event) -> None:
        """Take the event that ends all waiting."""
        self._stop = stop
        self.start(datetime.now(UTC))

    def start(self, at: datetime) -> None:
        """Let the simulation begin now."""
        self.start_at, self._start_s = at, time.monotonic()

    def elapsed_s(self) -> float:
        return time.monotonic() - self._start_s

    def wait_until(self, elapsed_s: float) -> bool:
        return not self._stop.wait(max(0.0, elapsed_s - self.elapsed_s()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often the sensors speak."""

    frames_per_s: float
    fixes_per_s: float = 4.0  # a frame waits for the fix after it


class BusSensors:
    """A `Source` of the agent: frames and fixes of a bus that drives its line."""

    is_live = True

    def __init__(
        self,
        *,
        motion: Course,
        phase_s: float,
        scenery: Scenery,
        gnss: Gnss,
        rates: Rates,
        clock: Clock,
        until_s: float | None,
        exposures: Exposures,
        is_cheap: bool,
        rng: np.random.Generator,
        remember: Callable[[Image, Pose, Look], None] | None = None,
        bus_clock: BusClock | None = None,
        tags: TagRadio | None = None,
        wheel: Wheel | None = None,
    ) -> None:
        """Set a bus on its line, where it is when it began its lap `phase_s` before the simulation began.

        The sensors end at `until_s`. `remember` is told of each picture and what it shows before the agent sees it.
        Frames bear the time of the bus's own clock, where it has one; the receiver tells it the true time.
        """
        self._motion, self._phase_s = motion, phase_s
        self._scenery, self._gnss, self._rates = scenery, gnss, rates
        self._clock, self._until_s = clock, until_s
        self._view, self._is_cheap, self._remember = InView(exposures), is_cheap, remember
        self._rng, self._bus_clock, self._tags, self._wheel = rng, bus_clock, tags, wheel

    @property
    def is_halting(self) -> bool:
        """Whether the bus stands at a stop now, or has ended its drive."""
        elapsed_s = self._clock.elapsed_s()
        is_over = self._until_s is not None and elapsed_s > self._until_s
        return is_over or self._motion.pose(self._phase_s + elapsed_s).speed_mps < STANDING_MPS

    def readings(self) -> Iterator[Reading]:
        """Fixes and frames in the order of their time; what the bus was too slow for is left out, as a camera does."""
        fix_s, frame_s = 1 / self._rates.fixes_per_s, 1 / self._rates.frames_per_s
        next_fix_s, next_frame_s = 0.0, frame_s * self._rng.random()  # no two shutters open together
        next_tags_s = EVERY_S if self._tags is not None else math.inf
        while self._clock.wait_until(due_s := min(next_fix_s, next_frame_s)):
            if self._until_s is not None and due_s > self._until_s:
                return
            yield from self._felt(due_s)
            if due_s >= next_tags_s:
                yield from self._heard(next_tags_s)
                next_tags_s += EVERY_S
            if due_s == next_fix_s:
                if (fix := self._fix(due_s, elapsed_s=fix_s)) is not None:
                    yield fix
                next_fix_s += fix_s
            else:
                yield self._frame(due_s)
                next_frame_s += frame_s * max(1, np.ceil((self._clock.elapsed_s() - next_frame_s) / frame_s))

    def _felt(self, until_s: float) -> Iterator[Reading]:
        if self._wheel is not None:
            for felt in self._wheel.felt(until_s, start_at=self._clock.start_at):
                yield replace(felt, at=self._told(felt.at))

    def _heard(self, due_s: float) -> Iterator[Reading]:
        if self._tags is not None:
            pose = self._motion.pose(self._phase_s + due_s)
            for heard in self._tags.heard(pose, elapsed_s=due_s, start_at=self._clock.start_at):
                yield replace(heard, at=self._told(heard.at))

    def _at(self, due_s: float) -> datetime:
        return self._clock.start_at + timedelta(seconds=due_s)

    def _fix(self, due_s: float, *, elapsed_s: float) -> GnssReading | None:
        fix = self._gnss.fix(self._motion.pose(self._phase_s + due_s), at=self._at(due_s), elapsed_s=elapsed_s)
        if fix is not None and self._bus_clock is not None:
            self._bus_clock.hear_gnss(fix.at)
        return fix

    def _frame(self, due_s: float) -> FrameReading:
        pose = self._motion.pose(self._phase_s + due_s)
        look: Look = self._scenery.look(self._motion.line, pose, cheap=self._is_cheap)
        image = self._as_taken(look.image) if self._is_cheap else look.image
        self._view.show({shown.defect_id for shown in look.shown if shown.is_damage})
        if self._remember is not None:
            self._remember(image, pose, look)
        return FrameReading(at=self._told(self._at(due_s)), camera_id=CAMERA_ID, image=image)

    def _told(self, at: datetime) -> datetime:
        return at if self._bus_clock is None else at + (self._bus_clock.now() - datetime.now(UTC))

    def _as_taken(self, image: Image) -> Image:
        """A copy that differs from every other: cheap pictures repeat themselves, those of real cameras never do."""
        taken = image.copy()
        taken[-NOISY_ROWS:] = self._rng.integers(90, 130, taken[-NOISY_ROWS:].shape, dtype=np.uint8)
        return taken
