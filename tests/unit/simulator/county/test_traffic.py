from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from simulator.county.build import County, make_county
from simulator.county.faults import Faults
from simulator.county.looks import KEY_M, Driven
from simulator.county.scenario import Scenario
from simulator.county.traffic import DAY_S, Traffic

MakeScenario = Callable[..., Scenario]
MORNING_S = 10 * 3600.0
NIGHT_S = 2 * 3600.0
NO_BREAKDOWNS = {"breakdowns_per_bus_day": 0.0}


def _driven_m(traffic: Traffic, *, ticks: int) -> float:
    total = 0.0
    for _ in range(ticks):
        driven = traffic.tick(10.0).driven
        total += float((driven.to_m - driven.from_m).sum())
    return total


def test_buses_drive_by_day_and_not_at_night(county: County) -> None:
    assert _driven_m(Traffic(county, from_s=NIGHT_S), ticks=30) == 0
    assert _driven_m(Traffic(county, from_s=MORNING_S), ticks=30) > 12 * 300 * 2


def test_the_first_bus_leaves_when_the_timetable_says(county: County) -> None:
    first_s = min(county.lines.lines[0].departures_s[0], county.lines.lines[1].departures_s[0])
    traffic = Traffic(county, from_s=first_s - 100)
    assert not any(len(traffic.tick(10.0).buses) for _ in range(10))
    assert len(traffic.tick(10.0).buses)


def test_who_is_there_after_midnight_leaves_by_the_timetable_of_the_day_before(county: County) -> None:
    late = tuple(replace(line, departures_s=(24.5 * 3600.0,) * 6) for line in county.lines.lines)
    traffic = Traffic(replace(county, lines=replace(county.lines, lines=late)), from_s=DAY_S + 0.25 * 3600.0)
    assert not any(len(traffic.tick(10.0).buses) for _ in range(90))
    assert len(traffic.tick(10.0).buses) == 12


def test_who_left_before_midnight_by_a_timetable_that_goes_on_is_on_the_way(county: County) -> None:
    late = tuple(replace(line, departures_s=(23 * 3600.0, 25 * 3600.0)) for line in county.lines.lines)
    traffic = Traffic(replace(county, lines=replace(county.lines, lines=late)), from_s=DAY_S + 0.25 * 3600.0)
    assert len(traffic.tick(10.0).buses) == 12


def test_a_full_street_is_slower(make_scenario: MakeScenario) -> None:
    free, full = (
        make_county(make_scenario(traffic=NO_BREAKDOWNS | {"pace": [pace] * 24}), folder=Path()) for pace in (1.0, 0.5)
    )
    ratio = _driven_m(Traffic(full, from_s=MORNING_S), ticks=60) / _driven_m(Traffic(free, from_s=MORNING_S), ticks=60)
    assert 0.4 < ratio < 0.7


def test_a_bus_that_arrived_leaves_again_from_the_first_stop(county: County) -> None:
    traffic = Traffic(county, from_s=MORNING_S)
    arrived: set[int] = set()
    again: set[int] = set()
    for _ in range(400):
        tick = traffic.tick(10.0)
        again |= {
            bus for bus, from_m in zip(tick.buses.tolist(), tick.driven.from_m.tolist(), strict=True) if from_m == 0
        }
        arrived |= set(tick.buses[tick.has_arrived].tolist())
        assert (tick.driven.to_m <= county.eyes.ways.length_m[tick.driven.lines] + 1e-6).all()
    assert len(arrived & again) > 6


def test_a_bus_that_broke_down_stands(make_scenario: MakeScenario) -> None:
    fault = [{"kind": "breakdown", "from_day": 0, "to_day": 1}]
    assert _driven_m(Traffic(make_county(make_scenario(fault=fault), folder=Path()), from_s=MORNING_S), ticks=5) == 0
    often = make_scenario(traffic={"breakdowns_per_bus_day": 4000.0})
    assert _driven_m(Traffic(make_county(often, folder=Path()), from_s=MORNING_S), ticks=60) < 12 * 100 * 6


def test_a_fault_hits_its_share_of_the_buses_while_it_lasts(make_scenario: MakeScenario) -> None:
    scenario = make_scenario(
        county={"buses": 1000},
        fault=[
            {"kind": "dirty_pane", "from_day": 1, "to_day": 2, "share": 0.3, "strength": 0.6},
            {"kind": "bad_receiver", "from_day": 1, "to_day": 2, "strength": 4.0},
        ],
    )
    faults, every = Faults(scenario), np.arange(1000)
    assert not faults.dirt(every, at_s=0.9 * 86_400).any()
    dirty = faults.dirt(every, at_s=1.5 * 86_400)
    assert set(dirty.tolist()) == {0.0, 0.6}
    assert 0.25 < (dirty > 0).mean() < 0.35
    assert (faults.receiver(every, at_s=1.5 * 86_400) == 4.0).all()
    assert (faults.receiver(every, at_s=2.0 * 86_400) == 1.0).all()


def _whole_line(county: County, *, at_s: float) -> Driven:
    length = float(county.eyes.ways.length_m[0])
    bounds = np.append(np.arange(0, length, 100.0), length)
    count = len(bounds) - 1
    times = at_s + bounds / 5
    return Driven(
        lines=np.zeros(count, int),
        from_m=bounds[:-1],
        to_m=bounds[1:],
        from_s=times[:-1],
        to_s=times[1:],
        error_east_m=np.zeros(count),
        error_north_m=np.zeros(count),
    )


def test_a_bus_passes_each_thing_of_its_line_once_a_round(county: County) -> None:
    ways = county.eyes.ways
    driven = _whole_line(county, at_s=MORNING_S)
    _, rows = ways.passed(driven.lines, driven.from_m, driven.to_m)
    assert sorted(rows.tolist()) == np.flatnonzero(ways.keys < KEY_M).tolist()


def test_what_is_told_lies_where_it_is(county: County) -> None:
    told, _ = county.eyes.look(_whole_line(county, at_s=29 * 86_400 + MORNING_S), rng=np.random.default_rng(1))
    real = told.thing >= 0
    damages = county.damages
    assert real.sum() > 10
    away = np.hypot(
        told.east_m[real] - damages.east_m[told.thing[real]], told.north_m[real] - damages.north_m[told.thing[real]]
    )
    assert np.median(away) < 1.5
    assert away.max() < 4.0


def test_what_is_not_there_yet_is_not_told(county: County) -> None:
    told, looked = county.eyes.look(_whole_line(county, at_s=MORNING_S), rng=np.random.default_rng(1))
    born = county.damages.born_day
    assert (born[looked.shown_thing] < 1).all()
    assert (born[told.thing[told.thing >= 0]] < 1).all()


def test_a_dirty_pane_tells_less(county: County) -> None:
    driven = _whole_line(county, at_s=29 * 86_400 + MORNING_S)

    def told(dirt: float) -> int:
        looks = (
            county.eyes.look(driven, rng=np.random.default_rng(seed), dirt=np.full(len(driven.lines), dirt))[0]
            for seed in range(5)
        )
        return sum(len(each.stretch) for each in looks)

    assert told(0.8) < 0.5 * told(0.0)
    assert told(1.0) == 0
