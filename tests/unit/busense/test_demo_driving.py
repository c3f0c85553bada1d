from datetime import UTC, datetime, timedelta
from typing import Any

from busense.demo_driving import Told, score_driving

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
END = AT + timedelta(minutes=1)


def harsh(second: float, *, is_clear: bool = True, device: str = "bus-1") -> dict[str, Any]:
    begin = AT + timedelta(seconds=second)
    times = {"from_at": begin.isoformat(), "to_at": (begin + timedelta(seconds=2)).isoformat()}
    return {"device": device, "kind": "harsh_braking", "is_clear": is_clear, **times}


def told(second: float, *, device: str = "bus-1", kind: str = "harsh_braking") -> Told:
    begin = AT + timedelta(seconds=second)
    return Told(device=device, kind=kind, from_at=begin, to_at=begin + timedelta(seconds=1))


def test_what_was_told_of_harsh_moments_is_noticed_and_the_rest_invented() -> None:
    score = score_driving(
        [harsh(10), harsh(30)], [told(11), told(50), told(30, device="bus-2")], ended_at=END, way_km=1.234
    )
    assert score == {"driven_harshly": 2, "noticed": 1, "invented": 2, "way_km": 1.23}


def test_what_is_not_clear_may_be_told_or_not() -> None:
    assert score_driving([harsh(10, is_clear=False)], [told(10)], ended_at=END, way_km=1) == {
        "driven_harshly": 0,
        "noticed": 0,
        "invented": 0,
        "way_km": 1,
    }


def test_what_was_not_over_in_time_is_not_asked_for() -> None:
    assert score_driving([harsh(57)], [], ended_at=END, way_km=1)["driven_harshly"] == 0
