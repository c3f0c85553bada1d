"""Drives with known harsh moments, as an inertial sensor and a receiver of a bus would tell them.

The sensor is mounted in any direction; it feels slopes, the body's pitch and roll, the engine, and jolts of bumps.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import GnssReading, ImuReading, Reading
from simulator.plane import Plane, Spot
from wire.messages import DrivingKind

Samples = NDArray[np.float64]  # (n,)
Rotation = NDArray[np.float64]  # (3, 3)

STEP_S: Final = 0.04
GRAVITY_MPS2: Final = 9.81
RAMP_S: Final = 0.4  # a pedal is not a switch
# What passengers know every day, and what they complain of: between them nothing is made, so what is right is certain.
GENTLE_MPS2: Final = {
    DrivingKind.HARSH_BRAKING: (0.7, 2.2),
    DrivingKind.HARSH_ACCELERATION: (0.6, 1.8),
    DrivingKind.HARSH_CORNERING: (0.8, 2.2),
}
HARSH_MPS2: Final = {
    DrivingKind.HARSH_BRAKING: (3.2, 5.0),
    DrivingKind.HARSH_ACCELERATION: (2.9, 3.8),
    DrivingKind.HARSH_CORNERING: (3.2, 4.5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """A harsh moment that was really driven."""

    kind: DrivingKind
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drive:
    """The true motion, each STEP_S."""

    speed_mps: Samples
    forward_mps2: Samples
    right_mps2: Samples
    events: tuple[TrueEvent, ...]

    @property
    def seconds(self) -> float:
        return len(self.speed_mps) * STEP_S

    @property
    def km(self) -> float:
        return float(self.speed_mps.sum()) * STEP_S / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorErrors:
    """How bad the sensors are. The defaults are a cheap sensor in an old bus, and a plain receiver."""

    imu_noise_mps2: float = 0.08
    imu_bias_mps2: float = 0.1
    engine_mps2: float = 0.3  # shaking, one sigma
    turn_noise_dps: float = 0.3
    turn_bias_dps: float = 0.5
    slope: float = 0.04  # sigma of the road's slope ...
    slope_s: float = 40.0  # ... which changes in this time
    pitch_deg_per_mps2: float = 0.5
    roll_deg_per_mps2: float = 1.0
    bumps_per_km: float = 4.0
    bump_mps2: tuple[float, float] = (1.0, 4.0)  # along the road; for a tenth of a second or two
    speed_mps: float = 0.1
    heading_deg: float = 0.8
    delay_s: float = 0.2
    gaps_per_hour: float = 12.0
    gap_s: tuple[float, float] = (1.5, 8.0)
    fixes_per_s: float = 1.0


def make_drive(rng: np.random.Generator, *, km: float, harsh_share: float = 0.12) -> Drive:
    """Drive from stop to stop; of all starts, corners and stops so many are harsh."""
    recorder = _Recorder(rng)
    while recorder.way_m < km * 1000:
        recorder.stand(rng.uniform(6, 20))
        recorder.start(is_harsh=rng.random() < harsh_share)
        recorder.cruise(rng.uniform(5, 25))
        if rng.random() < 0.6:  # noqa: PLR2004 - corners are a little rarer than stops
            recorder.corner(is_harsh=rng.random() < harsh_share)
            recorder.cruise(rng.uniform(3, 10))
        recorder.stop(is_harsh=rng.random() < harsh_share)
    recorder.stand(5.0)
    return recorder.drive()


class _Recorder:
    """Writes down accelerations while it drives them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._forward: list[Samples] = []
        self._right: list[Samples] = []
        self._events: list[TrueEvent] = []
        self._steps = 0
        self._speed_mps = 0.0
        self.way_m = 0.0

    def stand(self, seconds: float) -> None:
        self._add(np.zeros(round(seconds / STEP_S)))

    def cruise(self, seconds: float) -> None:
        """Keep the speed, more or less."""
        steps = round(seconds / STEP_S)
        wish = 0.12 * np.sin(np.arange(steps) * STEP_S * self._rng.uniform(0.3, 0.8))
        self._add(wish)

    def start(self, *, is_harsh: bool) -> None:
        kind = DrivingKind.HARSH_ACCELERATION
        if is_harsh:
            self._push(kind, gain_mps=self._rng.uniform(4, 7), is_harsh=True)
        self._push(kind, gain_mps=max(1.0, self._rng.uniform(8, 14) - self._speed_mps), is_harsh=False)

    def stop(self, *, is_harsh: bool) -> None:
        kind = DrivingKind.HARSH_BRAKING
        if is_harsh:
            self._push(kind, gain_mps=min(self._speed_mps - 0.5, self._rng.uniform(4, 7)), is_harsh=True)
        self._push(kind, gain_mps=self._speed_mps, is_harsh=False)
        self._speed_mps = 0.0

    def corner(self, *, is_harsh: bool) -> None:
        kind = DrivingKind.HARSH_CORNERING
        wanted_mps = self._rng.uniform(5.5, 8) if is_harsh else self._rng.uniform(4, 6)
        if self._speed_mps > wanted_mps:
            self._push(DrivingKind.HARSH_BRAKING, gain_mps=self._speed_mps - wanted_mps, is_harsh=False)
        peak = self._peak(kind, is_harsh=is_harsh)
        # A corner's turn is its sideways acceleration over the speed, in time.
        turn_mps = math.radians(self._rng.uniform(50, 95)) * self._speed_mps
        shape = self._rng.choice((-1.0, 1.0)) * _ramped(turn_mps, peak)
        if is_harsh:
            self._note(kind, len(shape))
        self._add(np.zeros(len(shape)), shape)

    def drive(self) -> Drive:
        forward, right = np.concatenate(self._forward), np.concatenate(self._right)
        return Drive(
            speed_mps=np.maximum(np.cumsum(forward) * STEP_S, 0.0),
            forward_mps2=forward,
            right_mps2=right,
            events=tuple(self._events),
        )

    def _push(self, kind: DrivingKind, *, gain_mps: float, is_harsh: bool) -> None:
        """Change the speed by so much."""
        shape = _ramped(gain_mps, self._peak(kind, is_harsh=is_harsh))
        if is_harsh:
            self._note(kind, len(shape))
        self._add(-shape if kind is DrivingKind.HARSH_BRAKING else shape)

    def _peak(self, kind: DrivingKind, *, is_harsh: bool) -> float:
        return self._rng.uniform(*(HARSH_MPS2 if is_harsh else GENTLE_MPS2)[kind])

    def _note(self, kind: DrivingKind, steps: int) -> None:
        begin_s = self._steps * STEP_S
        self._events.append(TrueEvent(kind=kind, from_s=begin_s, to_s=begin_s + steps * STEP_S))

    def _add(self, forward: Samples, right: Samples | None = None) -> None:
        self._forward.append(forward)
        self._right.append(np.zeros(len(forward)) if right is None else right)
        speeds = self._speed_mps + np.cumsum(forward) * STEP_S
        self._steps += len(forward)
        if len(forward):
            self._speed_mps = max(0.0, float(speeds[-1]))
            self.way_m += float(np.maximum(speeds, 0.0).sum()) * STEP_S


def _ramped(integral: float, peak: float) -> Samples:
    """An acceleration that rises, stays and falls, with a given integral; a small one does not reach its peak."""
    hold_s = max(0.0, integral / peak - RAMP_S)
    steps = max(2, round((hold_s + 2 * RAMP_S) / STEP_S))
    at_s = (np.arange(steps) + 0.5) * STEP_S
    shape = np.clip(np.minimum(at_s, steps * STEP_S - at_s) / RAMP_S, 0.0, 1.0)
    return shape * (integral / (float(shape.sum()) * STEP_S))


def readings_of(
    drive: Drive,
    rng: np.random.Generator,
    *,
    plane: Plane,
    start_at: datetime,
    errors: SensorErrors,
    mount: Rotation | None = None,
) -> Iterator[Reading]:
    """What the sensors say of a drive, in the order of time; without a mount there is no inertial sensor."""
    felt = iter(()) if mount is None else _felt(drive, rng, start_at, errors, mount)
    fixes = _fixes(drive, rng, plane, start_at, errors)
    yield from sorted((*felt, *fixes), key=lambda reading: reading.at)


def _felt(
    drive: Drive, rng: np.random.Generator, start_at: datetime, errors: SensorErrors, mount: Rotation
) -> Iterator[ImuReading]:
    count = len(drive.speed_mps)
    tilt = np.radians(errors.pitch_deg_per_mps2) * drive.forward_mps2 + _wandering(
        rng, count, sigma=errors.slope, memory_s=errors.slope_s
    )
    lean = np.radians(errors.roll_deg_per_mps2) * drive.right_mps2
    forward = drive.forward_mps2 + GRAVITY_MPS2 * np.sin(tilt) + _bumps(drive, rng, errors)
    right = drive.right_mps2 + GRAVITY_MPS2 * np.sin(lean)
    up = np.full(count, GRAVITY_MPS2)
    felt = np.stack([forward, -right, up], axis=1)
    felt += rng.normal(0, math.hypot(errors.imu_noise_mps2, errors.engine_mps2), felt.shape)
    turn = np.zeros((count, 3))
    turn[:, 2] = -np.degrees(_turn_rps(drive))
    turn += rng.normal(0, errors.turn_noise_dps, turn.shape)
    acceleration = felt @ mount.T + rng.normal(0, errors.imu_bias_mps2, 3)
    turned = turn @ mount.T + rng.normal(0, errors.turn_bias_dps, 3)
    for step, (feels, turns) in enumerate(zip(acceleration.tolist(), turned.tolist(), strict=True)):
        at = start_at + timedelta(seconds=(step + 1) * STEP_S)
        yield ImuReading(at=at, acceleration_mps2=tuple(feels), turn_dps=tuple(turns))


def random_mount(rng: np.random.Generator) -> Rotation:
    """Turn from the bus's axes (forward, left, up) to those of a sensor that is mounted in any way."""
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return rotation * np.sign(np.linalg.det(rotation))


def _bumps(drive: Drive, rng: np.random.Generator, errors: SensorErrors) -> Samples:
    """Jolts along the road: short, and as strong as hard braking."""
    jolts = np.zeros(len(drive.speed_mps))
    for _ in range(rng.poisson(errors.bumps_per_km * drive.km)):
        at = int(rng.integers(len(jolts) - 10))
        if drive.speed_mps[at] > 2.0:  # noqa: PLR2004 - a bus that creeps over it does not jolt
            half = int(rng.integers(1, 3))
            strength = rng.uniform(*errors.bump_mps2) * rng.choice((-1.0, 1.0))
            jolts[at : at + half] += strength
            jolts[at + half : at + 2 * half] -= strength
    return jolts


def _fixes(
    drive: Drive, rng: np.random.Generator, plane: Plane, start_at: datetime, errors: SensorErrors
) -> Iterator[GnssReading]:
    heading = np.cumsum(_turn_rps(drive)) * STEP_S
    east_m = np.cumsum(drive.speed_mps * np.sin(heading)) * STEP_S
    north_m = np.cumsum(drive.speed_mps * np.cos(heading)) * STEP_S
    delay, interval = round(errors.delay_s / STEP_S), round(1 / errors.fixes_per_s / STEP_S)
    gap_until = 0
    for step in range(0, len(drive.speed_mps), interval):
        if rng.random() < errors.gaps_per_hour * interval * STEP_S / 3600:
            gap_until = step + round(rng.uniform(*errors.gap_s) / STEP_S)
        if step < gap_until:
            continue
        seen = max(0, step - delay)
        lon, lat = plane.lon_lat(Spot(float(east_m[step]), float(north_m[step])))
        is_moving = drive.speed_mps[seen] > 0.3  # noqa: PLR2004 - below, a receiver tells no course
        course = math.degrees(heading[seen]) + rng.normal(0, errors.heading_deg)
        yield GnssReading(
            at=start_at + timedelta(seconds=(step + 1) * STEP_S),
            lon=lon,
            lat=lat,
            speed_mps=max(0.0, float(drive.speed_mps[seen] + rng.normal(0, errors.speed_mps))),
            heading_deg=course % 360.0 if is_moving else None,
            accuracy_m=3.0,
        )


def _turn_rps(drive: Drive) -> Samples:
    return drive.right_mps2 / np.maximum(drive.speed_mps, 1.0)


def _wandering(rng: np.random.Generator, count: int, *, sigma: float, memory_s: float) -> Samples:
    """First-order Gauss-Markov process, drawn each second and joined by lines."""
    seconds = int(count * STEP_S) + 2
    keep = math.exp(-1 / memory_s)
    values = [rng.normal(0, sigma)]
    for _ in range(seconds - 1):
        values.append(keep * values[-1] + math.sqrt(1 - keep**2) * rng.normal(0, sigma))
    return np.interp(np.arange(count) * STEP_S, np.arange(seconds), values)
