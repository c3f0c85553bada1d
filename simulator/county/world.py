"""A county's lines and damage for buses with the real agent: `busense simulate --county`.

The others of the county drive beside them as `busense county drive` of the same scenario: same roads, same damage.
"""

from collections.abc import Iterator

import numpy as np

from simulator.city import Town
from simulator.county.build import County
from simulator.county.looks import KEY_M
from simulator.frames import DrawnScenery
from simulator.plane import Spot
from simulator.repairs import Repairs
from simulator.route import Motion
from simulator.truth import CLASS_CODES, Defect, Truth
from simulator.world import World


def world_of(county: County, *, day: float) -> World:
    """What lies open on a day, along each line that passes it; it does not change but by repairs."""
    plane, seed = county.lines.plane, county.scenario.county.seed
    lines = tuple(each.line for each in county.lines.lines)
    truth = Truth(defects=tuple(_defects(county, day)))
    repairs = Repairs()
    return World(
        town=Town(plane=plane, junctions={}, streets=()),
        lines=lines,
        truth=truth,
        scenery=DrawnScenery(truth, seed=seed, repairs=repairs),
        motions=tuple(Motion(line) for line in lines),
        repairs=repairs,
    )


def _defects(county: County, day: float) -> Iterator[Defect]:
    """One for each line that passes it: they share their name, and so are one to a score."""
    ways, damages = county.eyes.ways, county.damages
    there = damages.is_there_at(ways.things, np.full(len(ways.things), day)) & damages.is_damage[ways.things]
    grown = damages.grown(np.full(len(ways.things), day), ways.things)
    for row in np.flatnonzero(there).tolist():
        thing, line = int(ways.things[row]), int(ways.keys[row] // KEY_M)
        along_m = float(ways.keys[row] - line * KEY_M)
        lon, lat = county.lines.plane.lon_lat(Spot(float(damages.east_m[thing]), float(damages.north_m[thing])))
        of_line = county.lines.lines[line].line
        yield Defect(
            id=f"defect-{thing}",
            class_code=CLASS_CODES[int(damages.classes[thing])],
            lon=round(lon, 7),
            lat=round(lat, 7),
            heading_deg=round(of_line.place(along_m)[1], 2),
            length_m=round(float(damages.length_m[thing] * grown[row]), 2),
            width_m=round(float(damages.width_m[thing] * grown[row]), 2),
            line_id=of_line.id,
            along_m=round(along_m, 2),
            right_m=round(float(ways.right_m[row]), 2),
            seed=thing,
        )
