from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.config import DrivingSettings
from edge_agent.ego import EgoState
from edge_agent.readings import DoorReading
from edge_agent.scenarios.safe_driving.scenario import Happening, SafeDriving
from wire.messages import Driving, DrivingKind

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
EVERY_S = 0.25


def told(*parts: tuple[float, bool, float | None]) -> list[Driving]:
    """Parts of so many seconds with a door so and the bus so fast; None: nobody knows where it is."""
    scenario = SafeDriving(DrivingSettings())
    found: list[Happening] = []
    states = [(is_open, speed_mps) for seconds, is_open, speed_mps in parts for _ in range(round(seconds / EVERY_S))]
    for number, (is_open, speed_mps) in enumerate(states):
        at = START + timedelta(seconds=number * EVERY_S)
        ego = (
            None
            if speed_mps is None
            else EgoState(at=at, lon=120.4, lat=27.5, speed_mps=speed_mps, heading_deg=0.0, accuracy_m=3.0)
        )
        found += scenario.take(DoorReading(at=at, is_open=is_open), ego)
    return [each.message for each in (*found, *scenario.end())]


def test_a_door_that_is_open_while_the_bus_drives_is_told_with_its_time_and_place() -> None:
    (event,) = told((5, True, 0.0), (4, True, 8.0), (5, False, 8.0))
    assert (event.kind, event.speed_mps, event.lon) == (DrivingKind.DOOR_OPEN, 8.0, 120.4)
    assert (event.from_at - START).total_seconds() == pytest.approx(5.0, abs=0.3)
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(4.0, abs=0.3)


def test_it_is_over_when_the_bus_stops_and_again_when_it_drives_on() -> None:
    times = [
        (event.to_at - event.from_at).total_seconds()
        for event in told((3, True, 8.0), (20, True, 0.0), (5, True, 8.0), (4, False, 8.0))
    ]
    assert times == [pytest.approx(3.0, abs=0.3), pytest.approx(5.0, abs=0.3)]


@pytest.mark.parametrize(
    "parts",
    [
        [(20, True, 0.0)],
        [(3, True, 2.5), (20, True, 0.0)],
        [(2, False, 8.0), (0.5, True, 8.0), (5, False, 8.0)],
        [(20, True, None)],
    ],
    ids=["at a stop", "rolling into it", "a contact that shakes", "nobody knows how fast"],
)
def test_what_is_no_driving_with_an_open_door(parts: list[tuple[float, bool, float | None]]) -> None:
    assert told(*parts) == []
