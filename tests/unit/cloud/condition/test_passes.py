from datetime import UTC, datetime, timedelta

from cloud.condition.passes import passes_of
from cloud.roads.matching import Stay

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # a Tuesday


def stay(segment_id: str, minutes: float) -> Stay:
    at = AT + timedelta(minutes=minutes)
    return Stay(segment_id=segment_id, way=1, from_m=0, to_m=100, from_at=at, to_at=at + timedelta(seconds=20))


def test_stays_that_follow_at_once_are_one_pass() -> None:
    assert [name for name, _ in passes_of([stay("a", 0), stay("a", 1), stay("b", 1.5)])] == ["a", "b"]


def test_bus_that_comes_again_has_passed_twice() -> None:
    assert len(passes_of([stay("a", 0), stay("b", 5), stay("a", 30)])) == 2 + 1
