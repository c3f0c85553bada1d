from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from busense.demo_driving import Told, score_driving

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
END = AT + timedelta(minutes=1)


def driven(second: float, *, is_clear: bool = True, kind: str = "harsh_braking") -> dict[str, Any]:
    begin = AT + timedelta(seconds=second)
    times = {"from_at": begin.isoformat(), "to_at": (begin + timedelta(seconds=2)).isoformat()}
    return {"device": "bus-1", "kind": kind, "is_clear": is_clear, **times}


def told(second: float, *, device: str = "bus-1", kind: str = "harsh_braking") -> Told:
    begin = AT + timedelta(seconds=second)
    return Told(device=device, kind=kind, from_at=begin, to_at=begin + timedelta(seconds=1))


def test_what_was_told_of_harsh_moments_is_noticed_and_the_rest_invented() -> None:
    score = score_driving(
        [driven(10), driven(30)], [told(11), told(50), told(30, device="bus-2")], ended_at=END, way_km=1.234
    )
    assert score == {
        "driven_harshly": 2,
        "noticed": 1,
        "invented": 2,
        "driven_too_fast": 0,
        "too_fast_noticed": 0,
        "too_fast_invented": 0,
        "way_km": 1.23,
    }


def test_speeding_is_counted_by_itself() -> None:
    moments = [driven(1, kind="speeding"), driven(3), driven(10, kind="speeding", is_clear=False)]
    score = score_driving(moments, [told(1, kind="speeding"), told(40, kind="speeding")], ended_at=END, way_km=1)
    assert (score["driven_too_fast"], score["too_fast_noticed"], score["too_fast_invented"]) == (1, 1, 1)
    assert (score["driven_harshly"], score["noticed"], score["invented"]) == (1, 0, 0)


def test_what_is_not_clear_may_be_told_or_not() -> None:
    score = score_driving([driven(10, is_clear=False)], [told(10)], ended_at=END, way_km=1)
    assert (score["driven_harshly"], score["noticed"], score["invented"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "last_s", "counted"), [("harsh_braking", 57, "driven_harshly"), ("speeding", 19, "driven_too_fast")]
)
def test_what_was_not_over_in_time_is_not_asked_for(kind: str, last_s: float, counted: str) -> None:
    assert score_driving([driven(last_s, kind=kind)], [], ended_at=END, way_km=1)[counted] == 0
    assert score_driving([driven(last_s - 4, kind=kind)], [], ended_at=END, way_km=1)[counted] == 1
