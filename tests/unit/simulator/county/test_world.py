from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simulator.county.build import County, make_county
from simulator.county.scenario import Scenario
from simulator.county.world import world_of
from simulator.plane import distance_m
from simulator.truth import LOOKALIKES

MakeScenario = Callable[..., Scenario]
DAY_S = 86_400.0
DRY = {"rain_days": [0.0] * 12, "fog_mornings": [0.0] * 12}
EVENING_S = 0.75 * DAY_S
NIGHT_S, NOON_S = 2 * 3600.0, 12 * 3600.0


def test_agents_meet_the_damage_of_the_county_on_its_lines(county: County) -> None:
    world = world_of(county, from_s=EVENING_S)
    open_ones = county.damages.truth(EVENING_S / DAY_S).defects
    by_id = {defect.id: defect for defect in open_ones}
    assert {line.id for line in world.lines} == {each.line.id for each in county.lines.lines}
    assert len({defect.id for defect in world.truth.defects if defect.appears_s == 0}) > 0.8 * len(
        by_id
    )  # nearly all lie before some bus
    for defect in (each for each in world.truth.defects if each.appears_s == 0):
        assert (defect.lon, defect.lat) == (by_id[defect.id].lon, by_id[defect.id].lat)
        line = next(line for line in world.lines if line.id == defect.line_id)
        spot, _ = line.place(defect.along_m)
        assert distance_m(spot, world.town.plane.spot(lon=defect.lon, lat=defect.lat)) < 6


def test_a_bus_on_such_a_line_sees_it_before_itself(county: County) -> None:
    world = world_of(county, from_s=EVENING_S)
    line, motion = world.lines[0], world.motions[0]
    defect = next(each for each in world.truth.on_line(line.id) if abs(each.right_m) < 2 and each.along_m > 30)
    pose = motion.pose(motion.time_at(defect.along_m - 8))
    shown = world.scenery.look(line, pose, cheap=True).shown
    assert defect.id in {each.defect_id for each in shown}


def test_damage_of_the_coming_days_appears_when_it_is_born(county: County) -> None:
    late = [each for each in world_of(county, from_s=EVENING_S).truth.defects if each.appears_s > 0]
    assert late
    for defect in late:
        assert county.damages.born_day[defect.seed] == pytest.approx((EVENING_S + defect.appears_s) / DAY_S, abs=1e-4)


def test_what_fools_the_other_buses_stands_there_for_agents_too(county: County) -> None:
    lookalikes = world_of(county, from_s=EVENING_S).truth.lookalikes
    assert {each.class_code for each in lookalikes} <= set(LOOKALIKES)
    assert not any(county.damages.is_damage[each.seed] for each in lookalikes)


def test_a_repair_is_one_for_all_buses_of_the_county(make_scenario: MakeScenario) -> None:
    county = make_county(make_scenario(), folder=Path())
    world = world_of(county, from_s=EVENING_S)
    defect = next(each for each in world.truth.defects if each.appears_s == 0)
    world.repairs.add(defect)
    assert not world.repairs.is_there(defect)
    assert not county.damages.is_there(EVENING_S / DAY_S)[defect.seed]


def test_cameras_see_the_weather_of_the_county(make_scenario: MakeScenario) -> None:
    county = make_county(make_scenario(season=DRY), folder=Path())
    at_noon, at_night = (world_of(county, from_s=from_s) for from_s in (NOON_S, NIGHT_S))
    pose = at_noon.motions[0].pose(30.0)
    looks = [world.scenery.look(world.lines[0], pose, cheap=True) for world in (at_noon, at_night)]
    assert [look.quality for look in looks] == ["good", "dark"]
    assert looks[1].image.mean() < 0.5 * looks[0].image.mean()
    again = at_night.scenery.look(at_night.lines[0], pose, cheap=True)
    assert np.array_equal(again.image, looks[1].image)
