from datetime import UTC, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.scenarios.safe_driving.score import Counted, coarse, interval, score_all, whole_weeks


def counted(name: str, incidents: int, way_km: float) -> Counted:
    return Counted(name=name, incidents=incidents, way_km=way_km, moving_h=way_km / 20)


def test_interval_of_a_count_is_as_published() -> None:
    # Garwood and Jeffreys nearly agree: for 10 events the exact 90 % interval is 5.4 to 17.0.
    low, high = interval(10, 100.0)
    assert low == pytest.approx(5.8, abs=0.2)
    assert high == pytest.approx(16.3, abs=0.3)


def test_nobody_is_perfect_by_having_driven_little() -> None:
    low, high = interval(0, 20.0)
    assert low == 0
    assert high > 5


def test_those_who_cannot_be_told_apart_share_a_group_and_stand_by_name() -> None:
    scores = score_all([counted("b", 4, 300), counted("a", 6, 300), counted("c", 5, 300)])
    assert [(score.name, score.group) for score in scores] == [("a", 1), ("b", 1), ("c", 1)]


def test_a_much_worse_one_is_a_group_of_its_own() -> None:
    scores = score_all([counted("a", 2, 2000), counted("b", 3, 2000), counted("c", 200, 2000)])
    assert [(score.name, score.group) for score in scores] == [("a", 1), ("b", 1), ("c", 2)]
    assert scores[-1].per_100_km == 10


def test_who_did_not_drive_has_no_score() -> None:
    assert score_all([counted("a", 0, 0.0)]) == []


@given(
    st.lists(
        st.builds(
            counted,
            st.text("abc", min_size=1, max_size=3),
            st.integers(0, 300),
            st.floats(1, 5000),
        ),
        max_size=12,
    )
)
def test_two_whose_intervals_overlap_are_never_in_two_groups(several: list[Counted]) -> None:
    for one, other in combinations(score_all(several), 2):
        if one.low <= other.high and other.low <= one.high:
            assert one.group == other.group
        assert (one.group < other.group) is (one.group != other.group)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(datetime(2026, 3, 1, 16, 0, tzinfo=UTC), id="monday-begins"),
        pytest.param(datetime(2026, 3, 5, 12, 0, tzinfo=UTC), id="within"),
        pytest.param(datetime(2026, 3, 8, 15, 59, tzinfo=UTC), id="sunday-ends"),
    ],
)
def test_weeks_are_whole_and_over_and_the_same_until_the_next_monday(at: datetime) -> None:
    since, until = whole_weeks(at, days=22, zone=ZoneInfo("Asia/Shanghai"))
    assert until == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    assert until - since == timedelta(days=28)


def test_what_would_tell_the_bus_of_a_driver_is_rounded_off() -> None:
    assert coarse(Counted(name="di", incidents=3, way_km=406.2, moving_h=20.4)) == Counted(
        name="di", incidents=3, way_km=410.0, moving_h=20.0
    )
