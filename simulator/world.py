"""A town with its lines, its truth and what its cameras show: all from one seed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulator.city import Town, make_town
from simulator.frames import DrawnScenery, PhotoScenery, Scenery
from simulator.furniture import Fixture, Fixtures, make_fixtures
from simulator.gnss import GnssQuality
from simulator.photos import choose_photos, guess_camera, make_sites, read_photos
from simulator.plane import Plane
from simulator.repairs import Repairs
from simulator.route import CRUISE_MPS, LOOPS, Course, Line, Motion, make_lines, make_rings, rings_of
from simulator.truth import DENSE_GAP_M, Truth, enlivened, make_truth

BUSES_PER_LINE: Final = 3
BUSES_PER_RING: Final = 8
PHOTO_CRUISE_MPS: Final = 5.0  # dense traffic: what a photo shows near by leaves the picture quickly


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Everything that does not move; `repairs` and `fixtures` are all that changes."""

    town: Town
    lines: tuple[Line, ...]
    truth: Truth
    scenery: Scenery
    motions: tuple[Motion, ...]  # of the lines
    repairs: Repairs = field(default_factory=Repairs)
    fixtures: Fixtures = field(default_factory=Fixtures)
    courses: tuple[Course, ...] = ()  # of single buses; without them buses share the lines
    receiver: GnssQuality | None = None  # of every bus


def make_world(*, seed: int, buses: int, frames: Path | None, is_dense: bool = False) -> World:
    """Build the world of a seed; photos of `frames` make other damage than drawing does.

    A dense one has lines around single blocks, with a bus each ten seconds, and damage that appears while they drive.

    Raises:
        FramesError: the folder of photos cannot be used.
    """
    town = quarter(seed=seed, buses=buses) if is_dense else make_town(seed)
    repairs = Repairs()
    lines = _lines(town, buses, is_dense=is_dense)
    if frames is None:
        truth = _drawn_truth(lines, plane=town.plane, seed=seed, is_dense=is_dense)
        scenery: Scenery = DrawnScenery(truth, seed=seed, repairs=repairs)
        cruise_mps = CRUISE_MPS
    else:
        photos = choose_photos(read_photos(frames))
        camera = guess_camera(photos)
        truth, sites = make_sites(photos, lines, camera=camera, plane=town.plane, seed=seed)
        scenery = PhotoScenery(truth, sites, camera=camera, seed=seed, repairs=repairs)
        cruise_mps = PHOTO_CRUISE_MPS
    motions = tuple(Motion(line, cruise_mps=cruise_mps) for line in lines)
    return World(
        town=town,
        lines=tuple(lines),
        truth=truth,
        scenery=scenery,
        motions=motions,
        repairs=repairs,
        fixtures=Fixtures(make_fixtures(lines, plane=town.plane, seed=seed)),
    )


def furniture_of(*, seed: int, buses: int) -> tuple[Fixture, ...]:
    """The street furniture of a dense world, as `make_world` puts it up."""
    town = quarter(seed=seed, buses=buses)
    return make_fixtures(_lines(town, buses, is_dense=True), plane=town.plane, seed=seed)


def _lines(town: Town, buses: int, *, is_dense: bool) -> list[Line]:
    if is_dense:
        return make_rings(town, _share(buses, BUSES_PER_RING))
    return make_lines(town, _share(buses, BUSES_PER_LINE))


def quarter(*, seed: int, buses: int) -> Town:
    """As much of the town as the lines of a dense world need: a map of it shows what happens."""
    town = make_town(seed)
    return town.around(corner for ring in rings_of(town, _share(buses, BUSES_PER_RING)) for corner in ring)


def _share(buses: int, buses_per_line: int) -> int:
    """Number of lines."""
    return min(len(LOOPS), max(1, buses // buses_per_line))


def _drawn_truth(lines: Sequence[Line], *, plane: Plane, seed: int, is_dense: bool) -> Truth:
    if not is_dense:
        return make_truth(lines, plane=plane, seed=seed)
    return enlivened(make_truth(lines, plane=plane, seed=seed, gap_m=DENSE_GAP_M), seed=seed)
