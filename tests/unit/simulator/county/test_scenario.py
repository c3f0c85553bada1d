import json
from pathlib import Path

import jsonschema_rs
import pytest

from simulator.county.faults import Faults
from simulator.county.scenario import SCHEMA_FILE, Scenario, load_scenario, schema_text
from simulator.errors import ScenarioError

SHIPPED = sorted((SCHEMA_FILE.parent / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_are_sound(path: Path) -> None:
    scenario = load_scenario(path)
    Faults(scenario)
    jsonschema_rs.validate(json.loads(SCHEMA_FILE.read_text()), scenario.model_dump(mode="json"))


def test_the_schema_is_fresh() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "python -m simulator.county.scenario"


def test_everything_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("")
    assert load_scenario(path) == Scenario()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[county]\nname = 'a'\nbuses = 0\n", "line 3: county.buses"),
        ("[county]\n\ncolour = 'red'\n", "line 3: county.colour"),
        ("[county]\ntime_zone = 'Mars/Olympus'\n", "line 1: county"),
        ("[[fault]]\nkind = 'offline'\nfrom_day = 1\nto_day = 2\n[[fault]]\nkind = 'rust'\n", "line 6: fault.1.kind"),
        ("[[fault]]\nkind = 'offline'\nfrom_day = 2\nto_day = 1\n", "to_day must be after from_day"),
        ("[[fault]]\nkind = 'dirty_pane'\nfrom_day = 0\nto_day = 1\nstrength = 3\n", "at most 1"),
        ("[traffic]\npace = [1.0, 1.0]\n", "line 2: traffic.pace"),
        ("[county\n", "line 1"),
    ],
    ids=["too few", "unknown key", "zone", "second fault", "order", "strength", "hours", "no TOML"],
)
def test_a_wrong_scenario_names_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=told):
        load_scenario(path)


def test_a_scenario_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="missing"):
        load_scenario(tmp_path / "missing.toml")
