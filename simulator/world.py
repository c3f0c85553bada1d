"""A town with its lines, its truth and what its cameras show: all from one seed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulator.city import Town, make_town
from simulator.frames import DrawnScenery, PhotoScenery, Scenery
from simulator.photos import choose_photos, guess_camera, make_sites, read_photos
from simulator.repairs import Repairs
from simulator.route import CRUISE_MPS, LOOPS, Line, Motion, make_lines
from simulator.truth import Truth, make_truth

BUSES_PER_LINE: Final = 3
PHOTO_CRUISE_MPS: Final = 5.0  # dense traffic: what a photo shows near by leaves the picture quickly


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Everything that does not move; `repairs` is all that changes."""

    town: Town
    lines: tuple[Line, ...]
    truth: Truth
    scenery: Scenery
    motions: tuple[Motion, ...]  # of the lines
    repairs: Repairs = field(default_factory=Repairs)


def make_world(*, seed: int, buses: int, frames: Path | None) -> World:
    """Build the world of a seed; photos of `frames` make other damage than drawing does.

    Raises:
        FramesError: the folder of photos cannot be used.
    """
    town = make_town(seed)
    repairs = Repairs()
    lines = make_lines(town, min(len(LOOPS), max(1, buses // BUSES_PER_LINE)))
    if frames is None:
        truth = make_truth(lines, plane=town.plane, seed=seed)
        scenery: Scenery = DrawnScenery(truth, seed=seed, repairs=repairs)
        cruise_mps = CRUISE_MPS
    else:
        photos = choose_photos(read_photos(frames))
        camera = guess_camera(photos)
        truth, sites = make_sites(photos, lines, camera=camera, plane=town.plane, seed=seed)
        scenery = PhotoScenery(truth, sites, camera=camera, seed=seed, repairs=repairs)
        cruise_mps = PHOTO_CRUISE_MPS
    motions = tuple(Motion(line, cruise_mps=cruise_mps) for line in lines)
    return World(town=town, lines=tuple(lines), truth=truth, scenery=scenery, motions=motions, repairs=repairs)
