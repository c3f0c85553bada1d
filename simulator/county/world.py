"""A county as a world that agents can drive in: its lines, what lies on them from one hour on, its weather."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from simulator.city import Town
from simulator.county.build import County
from simulator.county.chosen import courses_of
from simulator.county.damage import Bools, defect_id
from simulator.county.looks import KEY_M
from simulator.county.scenery import WeatheredScenery
from simulator.frames import DrawnScenery
from simulator.gnss import GnssQuality
from simulator.plane import Spot
from simulator.repairs import Repairs
from simulator.route import Motion
from simulator.truth import CLASS_CODES, LOOKALIKES, Defect, Truth
from simulator.world import World

DAY_S: Final = 86_400.0
FORESEEN_DAYS: Final = 7.0  # damage of later days is not drawn
_TAKEN_FOR: Final = {class_code: kind for kind, class_code in LOOKALIKES.items()}


def world_of(county: County, *, from_s: float, agents: Sequence[int] = ()) -> World:
    """What agents meet from so many seconds after the first midnight on: damage, weather, traffic as the county has it.

    Without `agents` (numbers of buses) nobody follows the timetable. A repair holds for the county's other buses, too.
    """
    plane, seed, receiver = county.lines.plane, county.scenario.county.seed, county.scenario.receiver
    lines = tuple(each.line for each in county.lines.lines)
    motions = tuple(Motion(line) for line in lines)
    truth = _truth(county, day=from_s / DAY_S)

    def repaired(defect: Defect, holds_s: float) -> None:
        day = (from_s + repairs.elapsed_s()) / DAY_S
        county.damages.repair(np.array([defect.seed]), day=day, holds_days=np.array([holds_s / DAY_S]))

    repairs = Repairs(repaired)
    scenery = WeatheredScenery(
        clear=DrawnScenery(truth, seed=seed, repairs=repairs),
        weather=county.weather,
        seed=seed,
        now_s=lambda: from_s + repairs.elapsed_s(),
    )
    return World(
        town=Town(plane=plane, junctions={}, streets=()),
        lines=lines,
        truth=truth,
        scenery=scenery,
        motions=motions,
        repairs=repairs,
        courses=courses_of(county, motions, from_s=from_s, buses=agents),
        receiver=GnssQuality(wander_m=receiver.wander_m, wander_s=receiver.forgets_s, jitter_m=receiver.jitter_m),
    )


def _truth(county: County, *, day: float) -> Truth:
    """What lies open, and what will be born soon."""
    damages, things = county.damages, county.eyes.ways.things
    born = damages.born_day[things]
    is_soon = (born > day) & (born < day + FORESEEN_DAYS)
    there = damages.is_there_at(things, np.full(len(things), day)) | is_soon
    is_damage = damages.is_damage[things]
    return Truth(
        defects=tuple(_things(county, there & is_damage, day)),
        lookalikes=tuple(each for each in _things(county, there & ~is_damage, day) if each.class_code in LOOKALIKES),
    )


def _things(county: County, rows: Bools, day: float) -> Iterator[Defect]:
    """One for each line that passes it: they share their name, and so are one to a score."""
    ways, damages = county.eyes.ways, county.damages
    born = damages.born_day[ways.things]
    grown = damages.grown(np.maximum(born, day), ways.things)
    for row in np.flatnonzero(rows).tolist():
        thing, line = int(ways.things[row]), int(ways.keys[row] // KEY_M)
        along_m = float(ways.keys[row] - line * KEY_M)
        lon, lat = county.lines.plane.lon_lat(Spot(float(damages.east_m[thing]), float(damages.north_m[thing])))
        of_line, class_code = county.lines.lines[line].line, CLASS_CODES[int(damages.classes[thing])]
        is_damage = bool(damages.is_damage[thing])
        yield Defect(
            id=defect_id(thing) if is_damage else f"lookalike-{thing}",
            class_code=class_code if is_damage else _TAKEN_FOR.get(class_code, ""),
            lon=round(lon, 7),
            lat=round(lat, 7),
            heading_deg=round(of_line.place(along_m)[1], 2),
            length_m=round(float(damages.length_m[thing] * grown[row]), 2),
            width_m=round(float(damages.width_m[thing] * grown[row]), 2),
            line_id=of_line.id,
            along_m=round(along_m, 2),
            right_m=round(float(ways.right_m[row]), 2),
            seed=thing,
            appears_s=max(0.0, round((float(born[row]) - day) * DAY_S, 1)),
        )
