from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from busense.demo_driving import Known, Told, score_driving

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
END = AT + timedelta(minutes=1)


def driven(second: float, *, is_clear: bool = True, kind: str = "harsh_braking") -> dict[str, Any]:
    begin = AT + timedelta(seconds=second)
    times = {"from_at": begin.isoformat(), "to_at": (begin + timedelta(seconds=2)).isoformat()}
    return {"device": "bus-1", "kind": kind, "is_clear": is_clear, **times}


def told(second: float, *, device: str = "bus-1", kind: str = "harsh_braking") -> Told:
    begin = AT + timedelta(seconds=second)
    return Told(device=device, kind=kind, from_at=begin, to_at=begin + timedelta(seconds=1))


def score(
    moments: list[dict[str, Any]], *of: Told, judged_until: dict[str, datetime] | None = None
) -> dict[str, object]:
    return score_driving(moments, Known(list(of), judged_until or {}, way_km=1.234), stood_at=END)


def test_what_was_told_of_harsh_moments_is_noticed_and_the_rest_invented() -> None:
    assert score([driven(10), driven(30)], told(11), told(50), told(30, device="bus-2")) == {
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
    result = score(moments, told(1, kind="speeding"), told(40, kind="speeding"))
    assert (result["driven_too_fast"], result["too_fast_noticed"], result["too_fast_invented"]) == (1, 1, 1)
    assert (result["driven_harshly"], result["noticed"], result["invented"]) == (1, 0, 0)


def test_what_is_not_clear_may_be_told_or_not() -> None:
    result = score([driven(10, is_clear=False)], told(10))
    assert (result["driven_harshly"], result["noticed"], result["invented"]) == (0, 0, 0)


@pytest.mark.parametrize(("kind", "counted"), [("harsh_braking", "driven_harshly"), ("speeding", "driven_too_fast")])
def test_what_was_not_over_when_the_buses_stood_is_not_asked_for(kind: str, counted: str) -> None:
    assert score([driven(54, kind=kind)])[counted] == 0
    assert score([driven(52, kind=kind)])[counted] == 1


def test_what_is_too_fast_is_asked_for_as_far_as_the_track_of_its_bus_is_judged() -> None:
    """A bus without a network brings its track late."""
    moments = [driven(second, kind=kind) for second in (10, 30) for kind in ("speeding", "harsh_braking")]
    waiting = {"bus-1": AT + timedelta(seconds=20), "bus-2": AT}
    result = score(moments, told(10, kind="speeding"), judged_until=waiting)
    assert (result["driven_too_fast"], result["too_fast_noticed"], result["driven_harshly"]) == (1, 1, 2)
