"""What an inertial sensor feels in a bus that drives its line, and which moments of that drive are harsh in truth."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from edge_agent.config import DrivingSettings
from edge_agent.readings import Axes, ImuReading
from simulator.driving import GRAVITY_MPS2, random_mount
from simulator.plane import turn_deg
from simulator.route import Course
from wire.messages import DrivingKind

EVERY_S: Final = 0.1
SPAN_S: Final = 0.25  # a bus does not change its acceleration at once, as the lines of the town do
NOISE_MPS2: Final = 0.15
NOISE_DPS: Final = 0.3
DRIVING: Final = DrivingSettings(cornering_mps2=4.0)  # the corners of the invented town are tight
CLEARLY: Final = 1.15  # beyond a limit, so that it must be noticed; below, it may be
LONG_ENOUGH_S: Final = 0.6
APART_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment that is to be noticed: it must be where it is clear, otherwise it may be. Seconds of the simulation."""

    kind: DrivingKind
    from_s: float
    to_s: float
    is_clear: bool


class Wheel:
    """The inertial sensor of one bus, mounted in any way."""

    def __init__(self, motion: Course, *, phase_s: float, rng: np.random.Generator) -> None:
        self._motion, self._phase_s, self._rng = motion, phase_s, rng
        self._mount = random_mount(rng)
        self._told_s = 0.0

    def felt(self, until_s: float, *, start_at: datetime) -> Iterator[ImuReading]:
        """Readings since the last time."""
        while self._told_s + EVERY_S <= until_s:
            self._told_s += EVERY_S
            forward, right, turn_dps = accelerations(self._motion, self._phase_s + self._told_s)
            felt = np.array([forward, -right, GRAVITY_MPS2]) + self._rng.normal(0.0, NOISE_MPS2, 3)
            turn = np.array([0.0, 0.0, -turn_dps]) + self._rng.normal(0.0, NOISE_DPS, 3)
            yield ImuReading(
                at=start_at + timedelta(seconds=self._told_s),
                acceleration_mps2=_axes(self._mount @ felt),
                turn_dps=_axes(self._mount @ turn),
            )


def accelerations(motion: Course, at_s: float) -> tuple[float, float, float]:
    """Forward and right (m/s2), and the turn to the right in degrees a second."""
    before, here, after = (motion.pose(at_s + shift_s) for shift_s in (-SPAN_S, 0.0, SPAN_S))
    forward = (after.speed_mps - before.speed_mps) / (2 * SPAN_S)
    turn_dps = turn_deg(before.heading_deg, after.heading_deg) / (2 * SPAN_S)
    return forward, here.speed_mps * math.radians(turn_dps), turn_dps


def harsh_moments(motion: Course, *, phase_s: float, until_s: float) -> list[Moment]:
    """What of a drive is beyond the limits of DRIVING, by kind and in order of time."""
    times = np.arange(0.0, until_s, EVERY_S).tolist()
    felt = [accelerations(motion, phase_s + at_s) for at_s in times]
    moments: list[Moment] = []
    for kind, limit, values in (
        (DrivingKind.HARSH_BRAKING, DRIVING.braking_mps2, [-forward for forward, _, _ in felt]),
        (DrivingKind.HARSH_ACCELERATION, DRIVING.acceleration_mps2, [forward for forward, _, _ in felt]),
        (DrivingKind.HARSH_CORNERING, DRIVING.cornering_mps2, [abs(right) for _, right, _ in felt]),
    ):
        moments += _moments(kind, times, values, limit=limit)
    return moments


def _moments(kind: DrivingKind, times: list[float], values: list[float], *, limit: float) -> Iterator[Moment]:
    """Stretches near or beyond a limit; those that follow each other at once are one."""
    beyond = [at_s for at_s, value in zip(times, values, strict=True) if value > limit / CLEARLY]
    clear = {at_s for at_s, value in zip(times, values, strict=True) if value > limit * CLEARLY}
    stretches: list[list[float]] = []
    for at_s in beyond:
        if stretches and at_s - stretches[-1][-1] <= APART_S:
            stretches[-1].append(at_s)
        else:
            stretches.append([at_s])
    for stretch in stretches:
        is_clear = EVERY_S * sum(at_s in clear for at_s in stretch) >= LONG_ENOUGH_S
        yield Moment(kind=kind, from_s=stretch[0], to_s=stretch[-1], is_clear=is_clear)


def _axes(vector: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Axes:
    x, y, z = vector.tolist()
    return x, y, z
