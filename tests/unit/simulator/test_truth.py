from dataclasses import replace
from itertools import pairwise

import pytest

from simulator.city import make_town
from simulator.plane import distance_m
from simulator.route import Motion, make_lines
from simulator.truth import GAP_M, STRAIGHT_BEFORE_M, Truth, make_truth

TOWN = make_town(0)
LINES = make_lines(TOWN, 2)
TRUTH = make_truth(LINES, plane=TOWN.plane, seed=0)


def test_the_same_seed_gives_the_same_truth() -> None:
    town = make_town(0)
    again = make_truth(make_lines(town, 2), plane=town.plane, seed=0)
    assert again == TRUTH
    assert again.fingerprint() == TRUTH.fingerprint()


def test_the_truth_of_seed_0_is_known() -> None:
    """Another machine must get this one too; a change of the town's code changes it, and that is worth a look."""
    assert TRUTH.fingerprint()[:16] == "ef8df925378fdb03"


def test_another_seed_gives_another_truth() -> None:
    assert make_truth(LINES, plane=TOWN.plane, seed=1).fingerprint() != TRUTH.fingerprint()


def test_any_change_shows_in_the_fingerprint() -> None:
    first, *others = TRUTH.defects
    changed = Truth(defects=(replace(first, lon=first.lon + 1e-7), *others))
    assert changed.fingerprint() != TRUTH.fingerprint()


def test_a_defects_place_is_its_way_along_the_line() -> None:
    for defect in TRUTH.defects:
        line = next(line for line in LINES if line.id == defect.line_id)
        spot, _ = line.place(defect.along_m)
        assert distance_m(spot, TOWN.plane.spot(lon=defect.lon, lat=defect.lat)) == pytest.approx(
            abs(defect.right_m), abs=0.05
        )


def test_defects_are_seen_from_a_straight_road() -> None:
    for defect in TRUTH.on_line("line-1"):
        assert LINES[0].is_straight(defect.along_m - STRAIGHT_BEFORE_M + 1, defect.along_m)


def test_defects_do_not_crowd() -> None:
    ways_m = [defect.along_m for defect in TRUTH.on_line("line-1")]
    assert ways_m == sorted(ways_m)
    assert min(b - a for a, b in pairwise(ways_m)) >= GAP_M[0] - 0.01


def test_a_bus_meets_at_least_eight_defects_in_its_first_minute() -> None:
    for line in LINES:
        pose = Motion(line).pose(60.0)
        assert sum(defect.along_m < pose.along_m for defect in TRUTH.on_line(line.id)) >= 8
