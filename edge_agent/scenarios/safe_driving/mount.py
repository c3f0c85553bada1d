"""Where an inertial sensor points in the bus, found from how the bus moves.

Standing, it feels gravity: that is up. Speeding up and braking on a straight road, what it feels across gravity must
be what the receiver's speed says: that is forward. Until both are known well enough, the mount is not known.
"""

import math
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import ImuReading
from edge_agent.scenarios.safe_driving.motion import Sample

Vector = NDArray[np.float64]  # (3,) in the sensor's axes

STANDING_MPS: Final = 0.3
STOOD_S: Final = 3.0  # of standing before up is believed ...
KEPT_STANDING_S: Final = 120.0  # ... and so much of it is remembered: the camber of many stops
MOVED_DEG: Final = 12.0  # so far no slope tips a bus: the sensor was mounted anew
GRAVITY_MPS2: Final = (9.0, 10.6)
MIN_ACCELERATION_MPS2: Final = 0.4
STRAIGHT_MPS2: Final = 0.3
ENOUGH: Final = 8.0  # sum of squared accelerations, (m/s2)2 s: eight seconds of brisk starting
GAIN: Final = (0.6, 1.4)  # between what the sensor and the receiver say; their delay makes it less than 1
SURE_DEG: Final = 5.0
_MEMORY: Final = timedelta(seconds=3)
_FORGET: Final = 0.998  # of each second on a straight road


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mount:
    """The bus's axes as unit vectors in the sensor's axes, and what the gyroscope says at rest."""

    up: Vector
    forward: Vector
    sigma_deg: float  # of the direction of `forward` about `up`
    gravity_mps2: float  # as this sensor feels it
    turn_bias_dps: Vector

    @property
    def right(self) -> Vector:
        return np.cross(self.forward, self.up)


class MountFinder:
    """Readings and the receiver's samples in; the mount out, once it is known."""

    def __init__(self) -> None:
        self._recent: deque[ImuReading] = deque()
        self._forget()

    def feel(self, reading: ImuReading) -> None:
        """Remember a reading for the next sample of the receiver; none of a time that has not come."""
        self._recent.append(reading)
        while not timedelta() <= reading.at - self._recent[0].at <= _MEMORY:
            self._recent.popleft()

    def compare(self, sample: Sample) -> Vector | None:
        """Learn from what was felt while the receiver's sample arose; what was felt on average, or none."""
        since = sample.at - timedelta(seconds=sample.over_s)
        felt = [reading for reading in self._recent if since < reading.at <= sample.at]
        if not felt:
            return None
        mean = np.mean([reading.acceleration_mps2 for reading in felt], axis=0)
        if sample.speed_mps < STANDING_MPS and abs(sample.forward_mps2) < STANDING_MPS:
            self._stand(mean, _mean_turn(felt), sample.over_s)
        elif self._stood_s >= STOOD_S and abs(sample.right_mps2) < STRAIGHT_MPS2:
            self._drive(mean, sample)
        return mean

    def mount(self) -> Mount | None:
        """What is known; None while it is not known to a few degrees."""
        if self._stood_s < STOOD_S or self._squares < ENOUGH:
            return None
        up = _unit(self._gravity)
        forward = self._products - up * float(self._products @ up)
        length = float(np.linalg.norm(forward))
        gain = length / self._squares
        if not GAIN[0] < gain < GAIN[1]:
            return None
        # What is left when the best forward axis has explained its share, seen across it.
        rest = max(self._felt_squares - gain**2 * self._squares, 0.0) / max(self._seconds, 1.0)
        sigma_deg = math.degrees(math.sqrt(rest / self._squares) / gain)
        if sigma_deg > SURE_DEG:
            return None
        return Mount(
            up=up,
            forward=forward / length,
            sigma_deg=sigma_deg,
            gravity_mps2=float(np.linalg.norm(self._gravity)),
            turn_bias_dps=self._turn_bias_dps,
        )

    def _forget(self) -> None:
        self._gravity: Vector = np.zeros(3)
        self._turn_bias_dps: Vector = np.zeros(3)
        self._stood_s = 0.0
        self._products: Vector = np.zeros(3)  # sum of what was felt times what the receiver said
        self._squares = 0.0  # sum of squares of what the receiver said
        self._felt_squares = 0.0  # sum of squares of what was felt across gravity
        self._seconds = 0.0

    def _stand(self, mean: Vector, turn_dps: Vector | None, seconds: float) -> None:
        if not GRAVITY_MPS2[0] < float(np.linalg.norm(mean)) < GRAVITY_MPS2[1]:
            return
        if self._stood_s >= STOOD_S and _angle_deg(mean, self._gravity) > MOVED_DEG:
            self._forget()
        self._stood_s = min(self._stood_s + seconds, KEPT_STANDING_S)
        share = seconds / self._stood_s
        self._gravity = self._gravity + share * (mean - self._gravity)
        if turn_dps is not None:
            self._turn_bias_dps = self._turn_bias_dps + share * (turn_dps - self._turn_bias_dps)

    def _drive(self, mean: Vector, sample: Sample) -> None:
        if abs(sample.forward_mps2) < MIN_ACCELERATION_MPS2:
            return
        across = mean - self._gravity
        up = _unit(self._gravity)
        across = across - up * float(across @ up)
        keep, seconds = _FORGET**sample.over_s, sample.over_s
        self._products = keep * self._products + seconds * sample.forward_mps2 * across
        self._squares = keep * self._squares + seconds * sample.forward_mps2**2
        self._felt_squares = keep * self._felt_squares + seconds * float(across @ across)
        self._seconds = keep * self._seconds + seconds


def _mean_turn(felt: list[ImuReading]) -> Vector | None:
    turns = [reading.turn_dps for reading in felt if reading.turn_dps is not None]
    return np.mean(turns, axis=0) if turns else None


def _unit(vector: Vector) -> Vector:
    return vector / float(np.linalg.norm(vector))


def _angle_deg(a: Vector, b: Vector) -> float:
    return math.degrees(math.acos(float(np.clip(_unit(a) @ _unit(b), -1, 1))))
