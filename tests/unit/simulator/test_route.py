from itertools import pairwise

import numpy as np
import pytest

from simulator.city import make_town
from simulator.plane import distance_m, turn_deg
from simulator.route import (
    BRAKING_MPS2,
    CORNER_MPS,
    CRUISE_MPS,
    DWELL_S,
    LANE_OFFSET_M,
    LOOPS,
    Line,
    Motion,
    make_lines,
    make_rings,
)

TOWN = make_town(0)
LINES = make_lines(TOWN, len(LOOPS))


@pytest.fixture(scope="module")
def motion() -> Motion:
    return Motion(LINES[0])


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_line_is_closed_and_turns_right_once_around(line: Line) -> None:
    turns = [turn_deg(a, b) for a, b in pairwise([*line.headings_deg, line.headings_deg[0]])]
    assert line.path[0] == line.path[-1]
    assert sum(turns) == pytest.approx(360, abs=1e-6)


def test_a_bus_keeps_to_the_right_of_the_street() -> None:
    middle = [TOWN.junctions[junction] for junction in TOWN.way(LOOPS[0])]
    spot, _ = LINES[0].place(0.0)
    assert min(_distance_to(a, b, spot) for a, b in pairwise(middle)) == pytest.approx(LANE_OFFSET_M, abs=0.3)


def _distance_to(a: tuple[float, float], b: tuple[float, float], spot: tuple[float, float]) -> float:
    start, end, point = np.array(a), np.array(b), np.array(spot)
    share = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return float(np.linalg.norm(point - start - share * (end - start)))


def test_more_lines_than_the_town_has_are_refused() -> None:
    with pytest.raises(ValueError, match="9 lines"):
        make_lines(TOWN, 9)


@pytest.mark.parametrize("seed", range(5))
def test_rings_go_clockwise_around_short_blocks_without_a_common_corner(seed: int) -> None:
    rings = make_rings(make_town(seed), 5)
    assert all(sum(turn_deg(a, b) for a, b in pairwise([*r.headings_deg, r.headings_deg[0]])) > 0 for r in rings)
    assert all(500 < ring.length_m < 900 for ring in rings)
    assert all(Motion(ring).lap_s < 150 for ring in rings)
    for ring in rings:
        others = [spot for other in rings if other is not ring for spot in other.path]
        assert min(distance_m(ring.path[0], spot) for spot in others) > 20


def test_more_rings_than_the_town_has_are_refused() -> None:
    with pytest.raises(ValueError, match="99 rings"):
        make_rings(TOWN, 99)


def test_a_bus_moves_without_jumps(motion: Motion) -> None:
    poses = [motion.pose(at_s) for at_s in np.arange(0, motion.lap_s + 5, 0.25)]
    steps_m = [distance_m(a.spot, b.spot) for a, b in pairwise(poses)]
    assert max(steps_m) < CRUISE_MPS * 0.25 + 0.1


def test_a_bus_brakes_as_passengers_bear(motion: Motion) -> None:
    speeds = [motion.pose(at_s).speed_mps for at_s in np.arange(0, motion.lap_s, 1.0)]
    assert max(a - b for a, b in pairwise(speeds)) < BRAKING_MPS2 + 0.6
    assert max(speeds) == pytest.approx(CRUISE_MPS)


def test_a_bus_waits_at_its_stops(motion: Motion) -> None:
    stop_m = motion.line.stops_m[0]
    arrival_s = motion.time_at(stop_m - 0.5)
    waiting = [motion.pose(arrival_s + second) for second in np.arange(1.5, DWELL_S - 1, 0.5)]
    assert all(abs(pose.along_m - stop_m) < 1 and pose.speed_mps == 0 for pose in waiting)


def test_a_bus_takes_corners_slowly(motion: Motion) -> None:
    line = motion.line
    sharp = next(
        index for index, (a, b) in enumerate(pairwise(line.headings_deg)) if abs(turn_deg(a, b)) > 3
    )  # a vertex in a curve
    pose = motion.pose(motion.time_at(float(line.along_m[sharp + 1])))
    assert pose.speed_mps <= CORNER_MPS + 0.01


def test_a_lap_follows_a_lap(motion: Motion) -> None:
    first, second = motion.pose(10.0), motion.pose(10.0 + motion.lap_s)
    assert (first.lap, second.lap, motion.pose(-1.0).lap) == (0, 1, -1)
    assert second.along_m == pytest.approx(first.along_m)


def test_the_side_of_a_line_changes_at_its_corners() -> None:
    sides = [LINES[0].side(along_m) for along_m in np.arange(0, LINES[0].length_m, 5.0)]
    assert sides == sorted(sides)
    assert len(set(sides)) >= 5
