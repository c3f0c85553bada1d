from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from simulator.county.build import County, make_county
from simulator.county.scenario import Scenario

MakeScenario = Callable[..., Scenario]


@pytest.fixture(scope="session")
def make_scenario() -> MakeScenario:
    """A small county with much damage; parts of the scenario can be given."""

    def make(**parts: Any) -> Scenario:  # noqa: ANN401 - as in the file
        part = {"name": "small", "seed": 2, "lines": 2, "buses": 12, "days": 30, "first_day": date(2027, 6, 1)}
        county = part | parts.pop("county", {})
        damage = {"at_first_per_km": 10.0, "born_per_km_year": 60.0}
        return Scenario.model_validate({"county": county, "damage": damage} | parts)

    return make


@pytest.fixture(scope="module")
def county(make_scenario: MakeScenario) -> County:
    """Of each test file its own: repairs change it."""
    return make_county(make_scenario(), folder=Path())
