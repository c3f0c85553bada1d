from pathlib import Path

import pytest

from simulator.fleet import FleetPlan


@pytest.mark.parametrize(
    ("for_s", "elapsed_s", "driven_s"),
    [(None, 178.0, 178.0), (150.0, 178.0, 150.0), (150.0, 20.0, 20.0)],
    ids=["until stopped", "the cloud took longer", "stopped early"],
)
def test_buses_are_under_way_no_longer_than_planned(for_s: float | None, elapsed_s: float, driven_s: float) -> None:
    plan = FleetPlan(
        city="c",
        buses=1,
        full=0,
        seed=0,
        for_s=for_s,
        broker_url="mqtt://127.0.0.1",
        cloud_url="http://127.0.0.1",
        secrets=Path(),
        work=Path(),
    )
    assert plan.driven_s(elapsed_s) == driven_s
