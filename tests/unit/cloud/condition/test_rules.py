from importlib.resources import files
from pathlib import Path

import pytest

from cloud.condition.rules import load_rules
from cloud.errors import ConfigError

SHIPPED = (files("cloud.condition") / "condition.toml").read_text()


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in SHIPPED
    path = folder / "condition.toml"
    path.write_text(SHIPPED.replace(old, new, 1))
    return path


def test_shipped_rules_are_right() -> None:
    assert load_rules().classes["D40"].measure == "area"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('timezone = "Asia/Shanghai"', 'timezone = "Asia/Nowhere"', "line 4: timezone: .*Asia/Nowhere"),
        ("window_days = 30", "window_days = 0", r"line \d+: survey\.window_days"),
        ("strip_m = 0.2\n", "", r"line \d+: classes\.D00: .*strip_m"),
        ("light = 0.6, medium = 0.8, heavy = 1.0", "light = 0.6", r"weights needs medium, heavy"),
        ("min_look_share = 0.1", "min_look_share = 0.2", r"min_look_share may not be above min_share"),
        ("draws = 400", "drawz = 400", r"line \d+: doubt\.drawz"),
    ],
    ids=["zone", "days", "strip", "weights", "no time", "unknown key"],
)
def test_wrong_line_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_rules(changed(tmp_path, old, new))


def test_width_is_measured_else_by_lanes_else_usual() -> None:
    road = load_rules().road
    assert road.width_m(kind="primary", lanes=4, measured_m=9.0) == 9.0
    assert road.width_m(kind="primary", lanes=4, measured_m=None) == 14.0
    assert road.width_m(kind="primary", lanes=None, measured_m=None) == 10.5
    assert road.width_m(kind="lane", lanes=None, measured_m=None) == 7.0
