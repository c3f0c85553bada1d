from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from edge_agent.readings import FrameReading, GnssReading, Image, Reading
from simulator.city import make_town
from simulator.exposure import Exposures
from simulator.frames import DrawnScenery, Look
from simulator.gnss import Gnss, GnssQuality
from simulator.route import Motion, Pose, make_lines
from simulator.sensors import BusSensors, Rates
from simulator.truth import Truth, enlivened, make_truth

TOWN = make_town(0)
(LINE,) = make_lines(TOWN, 1)
MOTION = Motion(LINE)
TRUTH = make_truth([LINE], plane=TOWN.plane, seed=0)
START_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class JumpingClock:
    """Is always where it is asked to wait for, or behind by `lag_s`."""

    start_at: datetime = START_AT
    lag_s: float = 0.0
    stop_after_s: float = 1e9
    now_s: float = field(default=0.0)

    def elapsed_s(self) -> float:
        return self.now_s

    def wait_until(self, elapsed_s: float) -> bool:
        self.now_s = max(self.now_s, elapsed_s + self.lag_s)
        return elapsed_s < self.stop_after_s


def _readings(
    clock: JumpingClock, *, until_s: float | None, exposures: Exposures | None = None, truth: Truth = TRUTH
) -> list[Reading]:
    remembered: list[tuple[Image, Pose, Look]] = []

    def remember(image: Image, pose: Pose, look: Look) -> None:
        remembered.append((image, pose, look))

    sensors = BusSensors(
        motion=MOTION,
        phase_s=0.0,
        scenery=DrawnScenery(truth, seed=0),
        gnss=Gnss(plane=TOWN.plane, rng=np.random.default_rng(0), quality=GnssQuality(gaps_per_hour=0)),
        rates=Rates(frames_per_s=4.0, fixes_per_s=2.0),
        clock=clock,
        until_s=until_s,
        exposures=exposures or Exposures(),
        is_cheap=True,
        rng=np.random.default_rng(1),
        remember=remember,
    )
    readings = list(sensors.readings())
    assert len(remembered) == sum(isinstance(reading, FrameReading) for reading in readings)
    return readings


def test_readings_come_in_order_at_their_rates() -> None:
    readings = _readings(JumpingClock(), until_s=10.0)
    assert all(a.at <= b.at for a, b in pairwise(readings))
    assert sum(isinstance(reading, FrameReading) for reading in readings) == pytest.approx(40, abs=1)
    assert sum(isinstance(reading, GnssReading) for reading in readings) == pytest.approx(20, abs=1)


def test_a_slow_machine_loses_frames_and_no_fix() -> None:
    readings = _readings(JumpingClock(lag_s=1.0), until_s=10.0)
    assert sum(isinstance(reading, FrameReading) for reading in readings) < 15
    assert sum(isinstance(reading, GnssReading) for reading in readings) == pytest.approx(20, abs=1)


def test_they_end_when_the_simulation_is_stopped() -> None:
    assert len(_readings(JumpingClock(stop_after_s=2.0), until_s=None)) < 20


def test_defects_that_the_bus_passed_are_exposed() -> None:
    exposures = Exposures()
    _readings(JumpingClock(), until_s=30.0, exposures=exposures)
    end_m = MOTION.pose(30.0).along_m
    passed = {defect.id for defect in TRUTH.on_line(LINE.id) if defect.along_m < end_m - 3}
    assert exposures.passes().keys() == passed


def test_what_only_looks_like_damage_is_not_exposed() -> None:
    exposures, lively = Exposures(), enlivened(TRUTH, seed=0)
    _readings(JumpingClock(), until_s=60.0, exposures=exposures, truth=lively)
    assert exposures.passes()
    assert not exposures.passes().keys() & {thing.id for thing in lively.lookalikes}


def test_no_two_pictures_are_the_same_even_if_they_are_cheap() -> None:
    frames = [reading for reading in _readings(JumpingClock(), until_s=10.0) if isinstance(reading, FrameReading)]
    assert len({frame.image.tobytes() for frame in frames}) == len(frames)
