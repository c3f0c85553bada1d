from datetime import UTC, datetime, timedelta

from edge_agent.readings import FixQuality, GnssReading
from edge_agent.scenarios.whereabouts.scenario import Whereabouts

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def fix(second: float, *, quality: FixQuality = FixQuality.GNSS) -> GnssReading:
    at = START + timedelta(seconds=second)
    return GnssReading(at=at, lon=120, lat=27, speed_mps=5, heading_deg=360, accuracy_m=3, fix=quality)


def test_fixes_leave_in_batches_and_the_rest_at_the_end() -> None:
    scenario = Whereabouts(batch_s=10)
    batches = [batch for second in range(26) for batch in scenario.take(fix(second), None)] + scenario.end()
    points = [point for batch in batches for point in batch.message.points]
    assert [len(batch.message.points) for batch in batches] == [11, 11, 4]
    assert [point.at for point in points] == [START + timedelta(seconds=second) for second in range(26)]
    assert {point.heading_deg for point in points} == {0}
    assert scenario.end() == []


def test_a_fast_receiver_is_thinned_to_one_point_a_second() -> None:
    scenario = Whereabouts(batch_s=10)
    batches = [batch for tick in range(100) for batch in scenario.take(fix(tick / 10), None)] + scenario.end()
    assert sum(len(batch.message.points) for batch in batches) == 10


def test_a_clock_that_is_set_back_does_not_end_the_track() -> None:
    scenario = Whereabouts(batch_s=10)
    years = 12 * 365 * 86_400.0
    seconds = [years, years + 1, *range(1, 12)]
    batches = [batch for second in seconds for batch in scenario.take(fix(second), None)] + scenario.end()
    assert sum(len(batch.message.points) for batch in batches) == 13


def test_no_fix_is_no_place() -> None:
    scenario = Whereabouts(batch_s=10)
    scenario.take(fix(0, quality=FixQuality.NONE), None)
    assert scenario.end() == []
