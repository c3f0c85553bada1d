from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from edge_agent.ego import EgoTrack
from edge_agent.readings import GnssReading, Reading
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from simulator.city import make_town
from simulator.driving import GRAVITY_MPS2
from simulator.gnss import Gnss, GnssQuality
from simulator.route import Motion, make_lines
from simulator.wheel import DRIVING, Wheel, accelerations, harsh_moments
from wire.messages import Driving, DrivingKind

TOWN = make_town(0)
(LINE,) = make_lines(TOWN, 1)
GENTLE, ROUGH = Motion(LINE), Motion(LINE, braking_mps2=3.8)
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_gentle_driver_does_nothing_harsh_and_a_rough_one_brakes_hard_at_the_stops() -> None:
    assert [moment for moment in harsh_moments(GENTLE, phase_s=0, until_s=GENTLE.lap_s) if moment.is_clear] == []
    clear = [moment for moment in harsh_moments(ROUGH, phase_s=0, until_s=ROUGH.lap_s) if moment.is_clear]
    assert {moment.kind for moment in clear} == {DrivingKind.HARSH_BRAKING}
    assert len(clear) >= len(LINE.stops_m)


def test_a_standing_sensor_feels_gravity_whatever_its_mount() -> None:
    at_stop_s = ROUGH.time_at(LINE.stops_m[0]) + 2.0
    assert accelerations(ROUGH, at_stop_s) == pytest.approx((0, 0, 0))
    wheel = Wheel(ROUGH, phase_s=at_stop_s, rng=np.random.default_rng(0))
    felt = [reading.acceleration_mps2 for reading in wheel.felt(1.0, start_at=START)]
    assert len(felt) == pytest.approx(10, abs=1)
    assert float(np.linalg.norm(np.mean(felt, axis=0))) == pytest.approx(GRAVITY_MPS2, abs=0.3)


def test_readings_follow_each_other_without_a_gap() -> None:
    wheel = Wheel(ROUGH, phase_s=0, rng=np.random.default_rng(0))
    times = [reading.at for until_s in (0.33, 0.4, 1.0) for reading in wheel.felt(until_s, start_at=START)]
    steps = {round((after - before).total_seconds(), 3) for before, after in pairwise(times)}
    assert steps == {0.1}


def test_the_agent_notices_what_is_harsh_in_truth() -> None:
    rng = np.random.default_rng(0)
    wheel = Wheel(ROUGH, phase_s=0, rng=rng)
    gnss = Gnss(plane=TOWN.plane, rng=rng, quality=GnssQuality(gaps_per_hour=0))
    scenario, ego, found = SafeDriving(DRIVING), EgoTrack(), list[Driving]()
    for tick in range(round(ROUGH.lap_s * 4)):
        at_s = tick / 4
        fix = gnss.fix(ROUGH.pose(at_s), at=START + timedelta(seconds=at_s), elapsed_s=0.25)
        readings: list[Reading] = [*wheel.felt(at_s, start_at=START), *([fix] if fix is not None else [])]
        for reading in readings:
            if isinstance(reading, GnssReading):
                ego.add(reading)
            found += [each.message for each in scenario.take(reading, ego.state_at(reading.at))]
    clear = [moment for moment in harsh_moments(ROUGH, phase_s=0, until_s=ROUGH.lap_s - 5) if moment.is_clear]
    assert len([event for event in found if event.kind is DrivingKind.HARSH_BRAKING]) >= len(clear)
    assert scenario.knows_mount
