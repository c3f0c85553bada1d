from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.county.build import County, make_county
from simulator.county.chosen import courses_of, spread
from simulator.county.scenario import Scenario
from simulator.county.traffic import TICK_S, Traffic
from simulator.route import Course, Motion

MakeScenario = Callable[..., Scenario]
MORNING_S = 10 * 3600.0
CHOSEN = (1, 7, 10)


def _courses(county: County, *, from_s: float = MORNING_S) -> tuple[Course, ...]:
    return courses_of(county, [Motion(each.line) for each in county.lines.lines], from_s=from_s, buses=CHOSEN)


def test_a_bus_with_an_agent_is_where_the_county_has_it(county: County) -> None:
    courses, traffic = _courses(county), Traffic(county, from_s=MORNING_S)
    met = 0
    for number in range(1, 120):
        tick = traffic.tick(TICK_S)
        for place, bus in enumerate(CHOSEN):
            assert courses[place].line.id == county.lines.lines[int(traffic.lines[bus])].line.id
            for row in (tick.buses == bus).nonzero()[0].tolist():
                if not tick.has_arrived[row]:
                    pose = courses[place].pose(number * TICK_S - 1e-6)
                    assert pose.along_m == pytest.approx(float(tick.driven.to_m[row]), abs=8)
                    met += 1
    assert met > 200


def test_it_begins_a_new_lap_with_each_departure(county: County) -> None:
    (course, *_) = _courses(county)
    poses = [course.pose(at_s) for at_s in range(0, 4 * 3600, 5)]
    laps = [pose.lap for pose in poses]
    assert laps == sorted(laps)
    assert laps[-1] >= 2
    assert max(pose.along_m for pose in poses) <= course.line.length_m
    stands = [pose for pose in poses if pose.along_m > course.line.length_m - 2]
    assert any(pose.speed_mps == 0 for pose in stands)


def test_before_its_first_departure_it_stands(county: County) -> None:
    (course, *_) = _courses(county, from_s=2 * 3600.0)
    assert [(pose.along_m, pose.speed_mps) for pose in map(course.pose, (-1.0, 0.0, 600.0))] == [(0.0, 0.0)] * 3


def test_it_breaks_down_with_the_county(make_scenario: MakeScenario) -> None:
    broken = make_scenario(fault=[{"kind": "breakdown", "from_day": 0, "to_day": 1}])
    (course, *_) = _courses(make_county(broken, folder=Path()))
    assert course.pose(0.0).spot == course.pose(900.0).spot
    assert course.pose(450.0).speed_mps == 0


@pytest.mark.parametrize(
    ("buses", "count", "chosen"), [(12, 2, (3, 9)), (3, 5, (0, 1, 2)), (1, 1, (0,))], ids=["few", "more", "one"]
)
def test_chosen_buses_are_spread_over_the_county(buses: int, count: int, chosen: tuple[int, ...]) -> None:
    assert spread(buses, count) == chosen
