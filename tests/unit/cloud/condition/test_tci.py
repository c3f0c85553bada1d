"""The index of traffic facilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.condition.estimate import Damage
from cloud.condition.rules import Facilities, load_rules
from cloud.condition.tci import facility_index
from cloud.findings.model import Severity


def shipped() -> Facilities:
    facilities = load_rules().facilities
    assert facilities is not None
    return facilities


RULES = shipped()


def found(class_code: str, *, existence: float = 0.95, length_m: float | None = None, heavy: bool = False) -> Damage:
    return Damage(
        class_code=class_code,
        severity=Severity.HEAVY if heavy else Severity.LIGHT,
        existence=existence,
        is_open=True,
        length_m=length_m,
        width_m=None,
        area_m2=None,
    )


@pytest.mark.parametrize(
    ("damages", "tci"),
    [
        ([], 100.0),
        ([found("SIGN_MISSING")], 95.0),  # 0.25 * (100 - 20) + 0.75 * 100
        ([found("RAIL_DAMAGED")], 97.5),
        ([found("RAIL_DAMAGED", heavy=True)], 92.5),
        ([found("D44", length_m=25.0)], 99.4),  # three started stretches of 10 m
        ([found("D43")], 99.8),
        ([found("SIGN_MISSING")] * 9, 75.0),  # capped at 100
        ([found("SIGN_HIDDEN"), found("D40")], 100.0),
    ],
)
def test_index_is_that_of_the_standard(damages: list[Damage], tci: float) -> None:
    assert facility_index(damages, rules=RULES).tci == pytest.approx(tci)


def test_what_is_only_suspected_lowers_the_lower_end_alone() -> None:
    index = facility_index([found("SIGN_DAMAGED", existence=0.3)], rules=RULES)
    assert (index.tci, index.low) == (pytest.approx(100.0), pytest.approx(95.0))


damages = st.builds(
    found,
    st.sampled_from([*RULES.classes, "D00"]),
    existence=st.floats(0, 1),
    length_m=st.none() | st.floats(0.1, 500),
    heavy=st.booleans(),
)


@given(st.lists(damages, max_size=30), damages)
def test_one_more_finding_never_raises_the_index(before: list[Damage], more: Damage) -> None:
    first, then = facility_index(before, rules=RULES), facility_index([*before, more], rules=RULES)
    assert 0.0 <= then.low <= then.tci <= 100.0 + 1e-9
    assert then.tci <= first.tci + 1e-9
    assert then.low <= first.low + 1e-9


def test_what_is_just_believed_counts() -> None:
    assert facility_index([found("SIGN_MISSING", existence=RULES.believed_from)], rules=RULES).tci == 95.0
