"""Drives with known harsh moments: the sensor is mounted in any way, and the agent must find out how."""

import gc
import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge_agent.config import DrivingSettings
from edge_agent.ego import EgoState, EgoTrack
from edge_agent.readings import AdvertisementReading, GnssReading, ImuReading, Reading
from edge_agent.scenarios.safe_driving.motion import FixMotion, Sample
from edge_agent.scenarios.safe_driving.mount import MountFinder
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from simulator.driving import SensorErrors, make_drive, random_mount, readings_of
from simulator.plane import Plane
from wire.messages import Driving, DrivingKind, DrivingSensor

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
PLANE = Plane(origin_lon=120.4258, origin_lat=27.5184)


def driven(readings: list[Reading], scenario: SafeDriving | None = None) -> list[Driving]:
    scenario, ego, found = scenario or SafeDriving(DrivingSettings()), EgoTrack(), list[Driving]()
    for reading in readings:
        if isinstance(reading, GnssReading):
            ego.add(reading)
        found += [happening.message for happening in scenario.take(reading, ego.state_at(reading.at))]
    return found + [happening.message for happening in scenario.end()]


@pytest.fixture(scope="module")
def drive_of_5_km() -> tuple[list[Reading], list[DrivingKind]]:
    rng = np.random.default_rng(3)
    drive = make_drive(rng, km=5, harsh_share=0.3)
    readings = list(
        readings_of(drive, rng, plane=PLANE, start_at=START, errors=SensorErrors(), mount=random_mount(rng))
    )
    return readings, [event.kind for event in drive.events]


def test_harsh_moments_are_noticed_and_proved_by_samples(
    drive_of_5_km: tuple[list[Reading], list[DrivingKind]],
) -> None:
    readings, truth = drive_of_5_km
    found = driven(readings)
    assert len(truth) > 5
    kinds = Counter(event.kind for event in found)
    assert Counter(truth) <= kinds
    assert kinds.total() <= len(truth) + 1  # a jolt now and then: how often is measured by benchmarks/driving.py
    by_sensor = [event for event in found if event.sensor is DrivingSensor.IMU]
    assert len(by_sensor) > len(found) / 2
    for event in by_sensor:
        times = [sample.at for sample in event.window]
        assert times == sorted(times)
        assert times[0] < event.from_at < event.to_at < times[-1]
        assert (times[-1] - times[0]).total_seconds() <= 20.0
        worst = [sample.right_mps2 if "corner" in event.kind else sample.forward_mps2 for sample in event.window]
        assert any(math.isclose(value, event.peak_mps2, abs_tol=1e-3) for value in worst)


def test_without_an_inertial_sensor_the_receiver_must_do(
    drive_of_5_km: tuple[list[Reading], list[DrivingKind]],
) -> None:
    readings, truth = drive_of_5_km
    found = driven([reading for reading in readings if isinstance(reading, GnssReading)])
    assert {event.sensor for event in found} == {DrivingSensor.GNSS}
    assert len(truth) / 2 < len(found) <= len(truth)


def test_an_inertial_sensor_alone_says_nothing(drive_of_5_km: tuple[list[Reading], list[DrivingKind]]) -> None:
    readings, _ = drive_of_5_km
    assert driven([reading for reading in readings if isinstance(reading, ImuReading)]) == []


def test_a_bus_that_only_stands_does_not_know_how_its_sensor_is_mounted() -> None:
    rng = np.random.default_rng(1)
    drive = make_drive(rng, km=0.3)
    scenario = SafeDriving(DrivingSettings())
    readings = readings_of(drive, rng, plane=PLANE, start_at=START, errors=SensorErrors(), mount=np.eye(3))
    standing = [reading for reading in readings if reading.at < START + timedelta(seconds=6)]
    driven(standing, scenario)
    assert not scenario.knows_mount


@pytest.mark.parametrize("seed", range(4))
def test_the_mount_is_found_to_as_many_degrees_as_is_said(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drive, true = make_drive(rng, km=2), random_mount(rng)
    readings = readings_of(drive, rng, plane=PLANE, start_at=START, errors=SensorErrors(), mount=true)
    finder, motion = MountFinder(), FixMotion()
    for reading in readings:
        if isinstance(reading, ImuReading):
            finder.feel(reading)
        elif isinstance(reading, GnssReading) and (sample := motion.add(reading)) is not None:
            finder.compare(sample)
    mount = finder.mount()
    assert mount is not None
    assert _angle_deg(mount.up, true @ (0, 0, 1)) < 4  # the stops lie on slopes
    assert _angle_deg(mount.forward, true @ (1, 0, 0)) < 4 * max(mount.sigma_deg, 1.0)
    assert _angle_deg(mount.right, true @ (0, -1, 0)) < 4 * max(mount.sigma_deg, 1.0)


def test_a_sensor_that_is_mounted_anew_is_learned_anew() -> None:
    rng = np.random.default_rng(5)
    drive = make_drive(rng, km=3, harsh_share=0)
    turned = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    readings = list(readings_of(drive, rng, plane=PLANE, start_at=START, errors=SensorErrors(), mount=np.eye(3)))
    half = readings[len(readings) // 2].at
    remounted = [
        ImuReading(at=reading.at, acceleration_mps2=tuple(turned @ reading.acceleration_mps2), turn_dps=None)
        if isinstance(reading, ImuReading) and reading.at > half
        else reading
        for reading in readings
    ]
    scenario = SafeDriving(DrivingSettings())
    driven(remounted, scenario)
    assert scenario.knows_mount
    assert driven(remounted) == []


def alive(kind: type[object]) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


def test_a_clock_that_is_set_back_lets_nothing_pile_up(drive_of_5_km: tuple[list[Reading], list[DrivingKind]]) -> None:
    scenario = SafeDriving(DrivingSettings())
    driven(drive_of_5_km[0], scenario)
    assert scenario.knows_mount
    before = alive(ImuReading) + alive(Sample)
    earlier = START - timedelta(hours=8)  # the time in China, kept in a clock that is read as UTC
    for tick in range(5000):
        at = earlier + timedelta(seconds=tick / 25)
        ego = EgoState(at=at, lon=120.4, lat=27.5, speed_mps=5.0, heading_deg=0.0, accuracy_m=3.0)
        scenario.take(ImuReading(at=at, acceleration_mps2=(0.0, 0.0, 9.8), turn_dps=None), ego)
    assert alive(ImuReading) + alive(Sample) - before < 500


def test_an_event_is_told_though_the_clock_is_set_back_after_it() -> None:
    scenario = SafeDriving(DrivingSettings())
    speeds = [10.0, 10.0, 5.0, 5.0, 5.0]
    fixes = [fix(second, speed_mps=speed) for second, speed in enumerate(speeds)]
    told = [happening for each in fixes for happening in scenario.take(each, None)]
    assert told == []
    (event,) = scenario.take(fix(-3600, speed_mps=5.0), None)
    assert event.message.kind is DrivingKind.HARSH_BRAKING


def fix(second: float, *, speed_mps: float) -> GnssReading:
    at = START + timedelta(seconds=second)
    return GnssReading(at=at, lon=120.4, lat=27.5, speed_mps=speed_mps, heading_deg=0.0, accuracy_m=3.0)


def test_what_other_sensors_say_is_let_pass() -> None:
    assert driven([AdvertisementReading(at=START, rssi_dbm=-70)]) == []


def _angle_deg(
    a: np.ndarray[tuple[int], np.dtype[np.float64]], b: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    return math.degrees(math.acos(min(1.0, float(a @ b))))
