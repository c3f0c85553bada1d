from collections.abc import Callable
from pathlib import Path

import numpy as np

from simulator.county.build import County, make_county
from simulator.county.damage import lanes_of
from simulator.county.scenario import Scenario
from simulator.truth import CLASS_CODES

MakeScenario = Callable[..., Scenario]
EVER = 1e6


def test_damage_is_born_day_by_day_and_grows(county: County) -> None:
    damages = county.damages
    assert damages.is_there(0).sum() < damages.is_there(29).sum()
    young = np.flatnonzero((damages.born_day > 0) & damages.is_damage)
    at_birth = damages.grown(damages.born_day[young], young)
    later = damages.grown(damages.born_day[young] + 20, young)
    assert (at_birth < 0.4).all()
    assert (later > at_birth).all()
    assert (damages.grown(np.full(len(young), EVER), young) <= 1).all()


def test_a_repair_takes_damage_away_until_it_breaks_up_again(county: County) -> None:
    damages = county.damages
    which = np.flatnonzero(damages.is_there(0) & damages.is_damage)[:2]
    damages.repair(which, day=3.0, holds_days=np.array([5.0, 1000.0]))
    there = [damages.is_there_at(which, np.full(2, day)).tolist() for day in (2.9, 3.0, 7.9, 8.0)]
    assert there == [[True, True], [False, False], [False, False], [True, False]]
    assert damages.grown(np.array([8.0]), which[:1])[0] < 0.5  # it begins small again


def test_the_truth_of_a_day_holds_damage_only(county: County) -> None:
    damages = county.damages
    truth = damages.truth(29.0)
    assert len(truth.defects) == (damages.is_there(29.0) & damages.is_damage).sum()
    assert not damages.is_damage.all()  # there are lookalikes


def test_rain_brings_holes(make_scenario: MakeScenario) -> None:
    made = make_county(make_scenario(county={"days": 365, "lines": 6}), folder=Path())
    damages, rain = made.damages, made.weather.rain_of_day_mm
    holes = (damages.born_day >= 1) & (damages.classes == CLASS_CODES.index("D40")) & damages.is_damage
    after_rain = rain[damages.born_day[holes].astype(int) - 1] > 5
    assert after_rain.mean() > 2 * (rain > 5).mean()


def test_lanes_that_two_lines_share_are_counted_once(county: County) -> None:
    assert len(lanes_of(county.lines).along_m) < county.lines.length_m
    once = county.lines.lines[0].line.length_m
    assert len(lanes_of(county.lines).along_m) > once * 0.9
