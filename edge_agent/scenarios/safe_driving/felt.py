"""What an inertial sensor feels, as accelerations of the bus.

A slope, the camber of the road and a mount that is known to a few degrees look like a lasting acceleration. Over
seconds the receiver knows better, within a second the sensor does: the difference is learned slowly and taken off.
A bus also leans outwards in a corner, too quickly for that; a gyroscope does not feel it, so where there is one,
cornering is its turn rate times the speed.
"""

import math
from datetime import datetime
from typing import Final

import numpy as np

from edge_agent.ego import EgoState
from edge_agent.readings import ImuReading
from edge_agent.scenarios.safe_driving.motion import Sample
from edge_agent.scenarios.safe_driving.mount import Mount, MountFinder, Vector
from wire.messages import DrivingSensor

SAMPLE_S: Final = 0.1
SLOPE_S: Final = 8.0  # within this time a new slope is known
SMOOTH_S: Final = 0.25  # the engine and the road shake faster than a bus brakes
FRESH_S: Final = 0.5
FALL_MPS2: Final = 3.0  # no road lifts or drops a bus like that for long: the sensor has been turned


class Felt:
    """Readings and the receiver's samples in; ten samples a second out, while the mount is known."""

    def __init__(self) -> None:
        self._finder = MountFinder()
        self._mount: Mount | None = None
        self._slope = np.zeros(3)  # forward, right, and nothing upwards
        self._learned_s = 0.0
        self._smooth: Vector | None = None
        self._waiting: list[ImuReading] = []
        self._last_at: datetime | None = None

    @property
    def mount(self) -> Mount | None:
        """Where the sensor points, if that is known."""
        return self._mount

    def is_fresh(self, at: datetime) -> bool:
        """Whether samples come from here at this time."""
        return self._last_at is not None and abs((at - self._last_at).total_seconds()) < FRESH_S

    def compare(self, sample: Sample) -> None:
        """Learn the mount and the slope from a sample of the receiver."""
        mean = self._finder.compare(sample)
        self._mount = self._finder.mount()
        if self._mount is None or mean is None:
            self._slope, self._learned_s = np.zeros(3), 0.0
            return
        error = _in_bus(mean, self._mount) - (sample.forward_mps2, sample.right_mps2, 0.0)
        error[2] = 0.0
        self._learned_s = min(self._learned_s + sample.over_s, SLOPE_S)
        self._slope += min(1.0, sample.over_s / self._learned_s) * (error - self._slope)

    def feel(self, reading: ImuReading, ego: EgoState | None) -> Sample | None:
        """Take a reading; a sample when a tenth of a second is full, and place and speed are known."""
        self._finder.feel(reading)
        if self._mount is None or ego is None:
            self._smooth, self._waiting = None, []
            return None
        if self._waiting and self._waiting[0].at > reading.at:  # the clock was set back
            self._waiting = []
        self._waiting.append(reading)
        over_s = (reading.at - self._waiting[0].at).total_seconds()
        if self._last_at is not None and 0 < (reading.at - self._last_at).total_seconds() < 2 * SAMPLE_S:
            over_s = (reading.at - self._last_at).total_seconds()
        if over_s < 0.9 * SAMPLE_S:
            return None
        return self._sample(reading.at, over_s, ego, self._mount)

    def _sample(self, at: datetime, over_s: float, ego: EgoState, mount: Mount) -> Sample | None:
        now = _in_bus(np.mean([reading.acceleration_mps2 for reading in self._waiting], axis=0), mount) - self._slope
        turns = [reading.turn_dps for reading in self._waiting if reading.turn_dps is not None]
        if turns:
            turn_dps = -float((np.mean(turns, axis=0) - mount.turn_bias_dps) @ mount.up)  # to the right
            now[1] = ego.speed_mps * math.radians(turn_dps)
        weight = 1 - math.exp(-over_s / SMOOTH_S)
        self._smooth = now if self._smooth is None else self._smooth + weight * (now - self._smooth)
        self._waiting = []
        if abs(self._smooth[2]) > FALL_MPS2:
            return None
        self._last_at = at
        return Sample(
            at=at,
            over_s=over_s,
            lon=ego.lon,
            lat=ego.lat,
            speed_mps=ego.speed_mps,
            forward_mps2=float(self._smooth[0]),
            right_mps2=float(self._smooth[1]),
            sensor=DrivingSensor.IMU,
        )


def _in_bus(felt: Vector, mount: Mount) -> Vector:
    """Forward, right, and upwards beyond gravity."""
    return np.array([felt @ mount.forward, felt @ mount.right, felt @ mount.up - mount.gravity_mps2])
