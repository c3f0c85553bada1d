from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cloud.scenarios.safe_driving.assess import Known, Reported, Severity, assess, severity_of

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
BRAKING = Reported(kind="harsh_braking", from_at=AT, to_at=AT + timedelta(seconds=2), peak_mps2=-3.0, speed_mps=9.0)


def known(*, kind: str = "harsh_braking", from_s: float, to_s: float) -> Known:
    return Known(kind=kind, from_at=AT + timedelta(seconds=from_s), to_at=AT + timedelta(seconds=to_s))


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (BRAKING, Severity.LIGHT),
        (replace(BRAKING, peak_mps2=-3.6), Severity.SERIOUS),
        (replace(BRAKING, peak_mps2=-4.6), Severity.SEVERE),
        (replace(BRAKING, kind="harsh_cornering", peak_mps2=-4.6), Severity.SEVERE),
        (replace(BRAKING, kind="speeding", speed_mps=12.0, limit_mps=11.0), Severity.LIGHT),
        (replace(BRAKING, kind="speeding", speed_mps=14.0, limit_mps=11.0), Severity.SERIOUS),
        (replace(BRAKING, kind="speeding", speed_mps=17.0, limit_mps=11.0), Severity.SEVERE),
        (replace(BRAKING, kind="drowsy", level=2), Severity.SEVERE),
        (replace(BRAKING, kind="drowsy", level=1), Severity.SERIOUS),
        (replace(BRAKING, kind="phone"), Severity.SERIOUS),
        (replace(BRAKING, kind="idling"), Severity.LIGHT),
        (replace(BRAKING, kind="something new"), Severity.LIGHT),
    ],
)
def test_severity_is_how_far_beyond_or_of_what_nature(event: Reported, severity: Severity) -> None:
    assert severity_of(event) is severity


def test_what_nobody_knows_is_new() -> None:
    assert assess(BRAKING, []).joins is None


@pytest.mark.parametrize(("from_s", "to_s"), [(-10, -2), (1, 1), (4, 9), (-5, 20)])
def test_the_same_kind_at_the_same_time_is_the_same_incident(from_s: float, to_s: float) -> None:
    other = known(from_s=from_s, to_s=to_s)
    assert assess(BRAKING, [other]).joins is other


@pytest.mark.parametrize(
    "other",
    [known(from_s=-20, to_s=-4), known(from_s=6, to_s=9), known(kind="speeding", from_s=0, to_s=2)],
    ids=["before", "after", "another kind"],
)
def test_what_is_something_else_stays_something_else(other: Known) -> None:
    assert assess(BRAKING, [other]).joins is None
