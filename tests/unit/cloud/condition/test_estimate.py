from dataclasses import replace

import pytest

from cloud.condition.estimate import Damage, Estimate, Surveyed, estimate
from cloud.condition.rules import load_rules
from cloud.findings.model import Severity

RULES = load_rules()
ALL = Surveyed(share=1.0, looks=10.0)
NET = Damage(
    class_code="D20", severity=Severity.HEAVY, existence=0.99, is_open=True, length_m=None, width_m=None, area_m2=14.0
)


def estimated(*damages: Damage, surveyed: Surveyed = ALL, segment_id: str = "s") -> Estimate:
    found = estimate(damages, surveyed, area_m2=700.0, surface="asphalt", segment_id=segment_id, rules=RULES)
    assert found is not None
    return found


def test_sound_road_that_was_looked_at_often_is_excellent() -> None:
    found = estimated()
    assert found.pci > 99
    assert found.high == 100


def test_known_damage_gives_the_index_of_the_formula() -> None:
    """14 m2 of 700 m2 are 2 %: 80.04 by the standard."""
    assert estimated(NET).pci == pytest.approx(80.04, abs=3)


def test_interval_holds_the_estimate_and_grows_with_what_nobody_saw() -> None:
    seen, half = estimated(NET), estimated(NET, surveyed=Surveyed(share=0.3, looks=10.0))
    for found in (seen, half):
        assert found.low <= found.pci <= found.high
    assert half.high - half.low > seen.high - seen.low


def test_fewer_looks_leave_more_doubt() -> None:
    once, often = estimated(surveyed=Surveyed(share=1.0, looks=1.0)), estimated()
    assert once.pci < often.pci
    assert once.high - once.low > often.high - often.low


def test_damage_that_hardly_exists_hardly_counts() -> None:
    assert estimated(replace(NET, existence=0.05)).pci > estimated(NET).pci + 10


def test_same_evidence_gives_the_same_numbers() -> None:
    assert estimated(NET) == estimated(NET)


def test_too_little_seen_is_no_estimate() -> None:
    assert (
        estimate([], Surveyed(share=0.05, looks=1), area_m2=700, surface="asphalt", segment_id="s", rules=RULES) is None
    )


def test_just_enough_seen_is_an_estimate() -> None:
    assert estimated(surveyed=Surveyed(share=RULES.survey.min_share, looks=10.0)).pci > 0


def test_unknown_class_does_not_count() -> None:
    assert estimated(replace(NET, class_code="X99")) == estimated()


@pytest.mark.parametrize(
    ("damage", "area_m2"),
    [
        pytest.param(NET, 14.0, id="area times weight"),
        pytest.param(replace(NET, severity=Severity.LIGHT), 14 * 0.6, id="light"),
        pytest.param(replace(NET, area_m2=None, length_m=2.0, width_m=3.0), 6.0, id="length times width"),
        pytest.param(replace(NET, area_m2=None), RULES.classes["D20"].assumed, id="assumed"),
        pytest.param(replace(NET, class_code="D00", length_m=5.0), 1.0, id="crack 0.2 m wide"),
    ],
)
def test_weighted_areas(damage: Damage, area_m2: float) -> None:
    """By the share of 700 m2 that is damaged, where nothing is in doubt and nothing was missed."""
    sure = RULES.doubt.model_copy(
        update={"measured_sigma": 1e-6, "assumed_sigma": 1e-6, "severity_share": 0.0, "usual_ratio_percent": 1e-6}
    )
    found = estimate(
        [replace(damage, existence=1.0)],
        Surveyed(share=1.0, looks=1000.0),
        area_m2=700.0,
        surface="asphalt",
        segment_id="s",
        rules=RULES.model_copy(update={"doubt": sure}),
    )
    assert found is not None
    assert found.damage_ratio_percent == pytest.approx(area_m2 / 7, rel=1e-3)
