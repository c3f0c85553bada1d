from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.scenarios.safe_driving.exposure import Moment, exposure_of
from cloud.scenarios.safe_driving.speeding import DrivenPoint, Tolerance, find_speeding

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LIMIT = 40 / 3.6
TOLERANCE = Tolerance(mps=1.4, share=0.1, min_s=5.0)


def point(second: float, speed_mps: float | None, *, limit: float | None = LIMIT) -> DrivenPoint:
    return DrivenPoint(
        at=AT + timedelta(seconds=second), lon=120.4, lat=27.5, speed_mps=speed_mps, segment_id="s", limit_mps=limit
    )


def test_a_stretch_beyond_the_limit_is_found_with_its_worst_point() -> None:
    points = [point(second, 14.0 if 5 <= second <= 15 else 10.0) for second in range(20)]
    points[9] = point(9, 16.0)
    (stretch,) = find_speeding(points, TOLERANCE)
    assert (stretch.points[0].at, stretch.points[-1].at) == (points[5].at, points[15].at)
    assert stretch.worst is points[9]


@pytest.mark.parametrize(
    "points",
    [
        [point(second, LIMIT + 1.3) for second in range(20)],
        [point(second, 20.0) for second in range(5)],
        [point(second, 20.0, limit=None) for second in range(20)],
        [point(second, None) for second in range(20)],
        [point(4.0 * second, 20.0) for second in range(20)],
        [],
    ],
    ids=["let pass", "too short", "no limit known", "no speed known", "only gaps", "nothing"],
)
def test_what_is_no_speeding(points: list[DrivenPoint]) -> None:
    assert find_speeding(points, TOLERANCE) == []


def test_a_higher_limit_ends_it() -> None:
    points = [point(second, 14.0, limit=LIMIT if second < 8 else 60 / 3.6) for second in range(20)]
    (stretch,) = find_speeding(points, TOLERANCE)
    assert stretch.points[-1].at == points[7].at


def test_of_a_fast_road_the_share_counts() -> None:
    assert find_speeding([point(second, 24.0, limit=22.2) for second in range(20)], TOLERANCE) == []
    assert len(find_speeding([point(second, 25.0, limit=22.2) for second in range(20)], TOLERANCE)) == 1


def moments(count: int, *, begin: float = 0.0, speed_mps: float | None = 10.0) -> list[Moment]:
    return [Moment(AT + timedelta(seconds=begin + second), speed_mps) for second in range(count)]


def test_way_is_speed_times_time() -> None:
    (exposure,) = exposure_of(moments(10))
    assert exposure.way_m == pytest.approx(100)
    assert exposure.moving_s == pytest.approx(10)
    assert exposure.hour == AT


@given(st.integers(2, 60), st.data())
def test_batches_add_up_whatever_their_size(count: int, data: st.DataObject) -> None:
    all_of_it = moments(count)
    cut = data.draw(st.integers(0, count - 1))
    parts = [part for part in (all_of_it[:cut], all_of_it[cut:]) if part]
    whole = sum(exposure.way_m for exposure in exposure_of(all_of_it))
    assert sum(exposure.way_m for part in parts for exposure in exposure_of(part)) == pytest.approx(whole)


def test_an_hour_ends_where_the_next_begins() -> None:
    exposures = exposure_of(moments(10, begin=3595))
    assert [exposure.hour for exposure in exposures] == [AT, AT + timedelta(hours=1)]
    assert sum(exposure.way_m for exposure in exposures) == pytest.approx(100)


@pytest.mark.parametrize("silent", [moments(5, speed_mps=None), moments(5, speed_mps=0.1), []])
def test_who_stands_or_is_not_known_to_move_drives_nothing(silent: list[Moment]) -> None:
    assert exposure_of(silent) == []


def test_in_a_gap_nothing_is_driven() -> None:
    (exposure,) = exposure_of([*moments(3), *moments(3, begin=600)])
    assert exposure.way_m == pytest.approx(60)
