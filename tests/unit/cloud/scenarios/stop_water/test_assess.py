"""When water over a road is a flood."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import ConfigError
from cloud.findings.model import Severity
from cloud.scenarios.stop_water.assess import GAP, Gauge, Level, assess, severity_of
from cloud.scenarios.stop_water.rules import GaugeRules, load_water_rules

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
RULES = GaugeRules(flooded_from_m=0.15, dry_below_m=0.08, heavy_from_m=0.27, hold_s=60)


def level(second: float, level_m: float, *, over_s: float = 10.0) -> Level:
    at = AT + timedelta(seconds=second)
    return Level(from_at=at - timedelta(seconds=over_s), at=at, level_m=level_m)


def after(levels: Sequence[Level], gauge: Gauge | None = None) -> list[bool]:
    """Whether it was flooded after each."""
    states: list[bool] = []
    for each in levels:
        gauge = assess(gauge, each, rules=RULES)
        states.append(gauge.is_flooded)
    return states


def steps(*levels_m: float) -> list[Level]:
    """Intervals of ten seconds, one after the other."""
    return [level(10.0 * number, level_m) for number, level_m in enumerate(levels_m)]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param(steps(*[0.2] * 6), [False] * 5 + [True], id="held for a minute"),
        pytest.param(steps(*[0.2] * 5, 0.14, *[0.2] * 5), [False] * 11, id="not held"),
        pytest.param(steps(*[0.15] * 6), [False] * 5 + [True], id="on the threshold"),
        pytest.param(steps(*[0.149] * 20), [False] * 20, id="under it"),
        pytest.param([level(0, 0.2, over_s=60)], [True], id="one interval as long as it must hold"),
        pytest.param([level(0, 0.2), level(GAP.total_seconds() + 20, 0.2)], [False, False], id="a gap between them"),
    ],
)
def test_flood_begins(levels: list[Level], expected: list[bool]) -> None:
    assert after(levels) == expected


@pytest.mark.parametrize(
    ("falling", "expected"),
    [
        pytest.param([0.05] * 6, [True] * 5 + [False], id="dry for a minute"),
        pytest.param([0.10] * 30, [True] * 30, id="between both thresholds nothing changes"),
        pytest.param([0.05] * 5 + [0.10] + [0.05] * 5, [True] * 11, id="not dry for long enough"),
        pytest.param([0.08] * 30, [True] * 30, id="on the lower threshold"),
    ],
)
def test_flood_ends(falling: list[float], expected: list[bool]) -> None:
    levels = steps(*[0.3] * 6, *falling)
    assert after(levels)[6:] == expected


@given(waves=st.lists(st.floats(0.0801, 0.1499), min_size=1, max_size=50), is_flooded=st.booleans())
def test_waves_between_the_thresholds_change_nothing(waves: list[float], *, is_flooded: bool) -> None:
    before = [0.3] * 6 if is_flooded else [0.0] * 6
    assert set(after(steps(*before, *waves))[6:]) == {is_flooded}


@given(st.permutations(range(12)))
def test_late_levels_never_make_a_flood_that_was_none(order: list[int]) -> None:
    """What comes out of order is left out: no order of a dry road's levels makes a flood."""
    levels = steps(*[0.05, 0.14] * 6)
    assert not any(after([levels[number] for number in order]))


def test_the_same_level_again_changes_nothing() -> None:
    gauge = assess(None, level(0, 0.2), rules=RULES)
    assert assess(gauge, level(0, 0.0), rules=RULES) is gauge
    assert assess(gauge, level(-30, 0.0), rules=RULES) is gauge


def test_silence_is_not_dryness() -> None:
    gauge = assess(None, level(0, 0.3, over_s=60), rules=RULES)
    assert gauge.is_flooded
    assert assess(gauge, level(86_400, 0.3), rules=RULES).is_flooded


def test_deep_water_is_heavy() -> None:
    assert [severity_of(depth, rules=RULES) for depth in (0.15, 0.269, 0.27, 1.0)] == [
        Severity.MEDIUM, Severity.MEDIUM, Severity.HEAVY, Severity.HEAVY,
    ]  # fmt: skip


def test_rules_ship_with_the_package_and_may_differ_by_gauge(tmp_path: Path) -> None:
    assert load_water_rules(None).usual == RULES
    file = tmp_path / "water.toml"
    usual = "flooded_from_m = 0.15\ndry_below_m = 0.08\nheavy_from_m = 0.27\nhold_s = 60\n"
    file.write_text(f'[usual]\n{usual}[gauges."stop-12/underpass"]\n{usual.replace("0.15", "0.2")}')
    rules = load_water_rules(file)
    assert rules.of(device="stop-12", sensor="underpass").flooded_from_m == 0.2
    assert rules.of(device="stop-12", sensor="gate").flooded_from_m == 0.15
    file.write_text(f"[usual]\n{usual.replace('0.08', '0.15')}")
    with pytest.raises(ConfigError, match="dry_below_m"):
        load_water_rules(file)
