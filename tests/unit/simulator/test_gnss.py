from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.readings import GnssReading
from simulator.city import ORIGIN
from simulator.gnss import Gnss, GnssQuality, wander
from simulator.plane import Spot, turn_deg
from simulator.route import Pose

AT = datetime(2026, 1, 1, tzinfo=UTC)
NO_GAPS = GnssQuality(gaps_per_hour=0)


def _pose(*, speed_mps: float = 8.0) -> Pose:
    return Pose(spot=Spot(100, 200), heading_deg=359.5, speed_mps=speed_mps, along_m=0, lap=0)


def _fixes(quality: GnssQuality, count: int, *, seed: int = 0, step_s: float = 0.5) -> list[GnssReading | None]:
    gnss = Gnss(plane=ORIGIN, rng=np.random.default_rng(seed), quality=quality)
    return [gnss.fix(_pose(), at=AT, elapsed_s=step_s) for _ in range(count)]


def _errors_m(fixes: list[GnssReading | None]) -> list[tuple[float, float]]:
    spots = [ORIGIN.spot(lon=fix.lon, lat=fix.lat) for fix in fixes if fix is not None]
    return [(spot.east_m - 100, spot.north_m - 200) for spot in spots]


def test_two_of_three_fixes_lie_within_the_accuracy_that_is_told() -> None:
    lengths = [np.hypot(*_errors_m(_fixes(NO_GAPS, 1, seed=seed))[0]) for seed in range(600)]
    assert np.mean(np.array(lengths) <= NO_GAPS.accuracy_m) == pytest.approx(0.68, abs=0.05)


def test_errors_of_successive_fixes_hang_together() -> None:
    errors = np.array(_errors_m(_fixes(NO_GAPS, 400)))
    assert np.abs(np.diff(errors, axis=0)).mean() < np.abs(errors).mean()


def test_the_wander_forgets_itself() -> None:
    late = [_errors_m(_fixes(NO_GAPS, 2, seed=seed, step_s=600)) for seed in range(300)]
    first, last = (np.array([errors[number][0] for errors in late]) for number in (0, 1))
    assert abs(np.corrcoef(first, last)[0, 1]) < 0.2


def test_headings_stay_between_0_and_360() -> None:
    headings = [fix.heading_deg for fix in _fixes(NO_GAPS, 200) if fix is not None and fix.heading_deg is not None]
    assert all(0 <= heading < 360 for heading in headings)
    assert max(abs(turn_deg(359.5, heading)) for heading in headings) < 5


def test_a_standing_bus_tells_no_course() -> None:
    gnss = Gnss(plane=ORIGIN, rng=np.random.default_rng(0), quality=NO_GAPS)
    fix = gnss.fix(_pose(speed_mps=0), at=AT, elapsed_s=1)
    assert fix is not None
    assert fix.heading_deg is None


def test_gaps_come_and_end() -> None:
    fixes = _fixes(GnssQuality(gaps_per_hour=120), 2000)
    missing = sum(fix is None for fix in fixes)
    assert 20 < missing < 500


def test_without_gaps_there_are_none() -> None:
    assert None not in _fixes(NO_GAPS, 500)


def test_receivers_wander_as_far_however_long_a_step_is() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 2.0, (4000, 2))
    for _ in range(5):
        errors = wander(errors, elapsed_s=10, sigma_m=2.0, forgets_s=60, rng=rng)
    assert errors.std() == pytest.approx(2.0, rel=0.05)
