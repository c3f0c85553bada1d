from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_agent.readings import FixQuality, GnssReading
from edge_agent.scenarios.safe_driving.motion import FixMotion, Sample

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def fix(second: float, *, speed_mps: float | None = 5.0, heading_deg: float | None = 0.0) -> GnssReading:
    at = START + timedelta(seconds=second)
    return GnssReading(at=at, lon=120.4, lat=27.5, speed_mps=speed_mps, heading_deg=heading_deg, accuracy_m=3)


def samples(*fixes: GnssReading) -> list[Sample]:
    motion = FixMotion()
    return [sample for fix in fixes if (sample := motion.add(fix)) is not None]


def test_braking_is_a_negative_forward_acceleration() -> None:
    (sample,) = samples(fix(0, speed_mps=10), fix(1, speed_mps=7))
    assert sample.forward_mps2 == pytest.approx(-3)
    assert sample.right_mps2 == 0
    assert sample.over_s == 1


@pytest.mark.parametrize(("from_deg", "to_deg", "sign"), [(350, 10, 1), (10, 350, -1)], ids=["right", "left"])
def test_a_turn_accelerates_to_its_inside(from_deg: float, to_deg: float, sign: int) -> None:
    (sample,) = samples(fix(0, speed_mps=8, heading_deg=from_deg), fix(1, speed_mps=8, heading_deg=to_deg))
    assert sample.right_mps2 == pytest.approx(sign * 8 * 0.349, abs=0.01)


def test_nothing_is_derived_across_a_gap() -> None:
    assert samples(fix(0, speed_mps=10), fix(2, speed_mps=0)) == []
    assert len(samples(fix(0), fix(2), fix(3))) == 1


def test_a_clock_that_is_set_back_is_a_gap() -> None:
    assert samples(fix(10), fix(1)) == []


@pytest.mark.parametrize("hidden", [{"speed_mps": None}, {"fix": FixQuality.NONE}], ids=["no speed", "no fix"])
def test_a_fix_that_says_no_speed_is_none(hidden: dict[str, Any]) -> None:
    assert samples(fix(0), replace(fix(1), **hidden)) == []


def test_a_fast_receiver_is_compared_over_a_second() -> None:
    found = samples(*[fix(tick / 5, speed_mps=10 - tick * 0.5) for tick in range(11)])
    assert [sample.over_s for sample in found] == [pytest.approx(1.0)] * 6
    assert [sample.forward_mps2 for sample in found] == [pytest.approx(-2.5)] * 6


def test_the_course_of_a_creeping_bus_is_noise() -> None:
    (sample,) = samples(fix(0, speed_mps=1, heading_deg=0), fix(1, speed_mps=1, heading_deg=170))
    assert sample.right_mps2 == 0


@pytest.mark.parametrize("after", [{"speed_mps": 149.0}, {"heading_deg": 180.0}], ids=["speed", "course"])
def test_a_receiver_that_jumps_does_not_accelerate_the_bus(after: dict[str, float]) -> None:
    assert samples(fix(0, speed_mps=35.0), replace(fix(1, speed_mps=35.0), **after)) == []
