from dataclasses import replace
from itertools import pairwise

import pytest

from simulator.city import make_town
from simulator.plane import distance_m
from simulator.route import Motion, make_lines
from simulator.truth import GAP_M, LATE_S, LOOKALIKES, STRAIGHT_BEFORE_M, Truth, enlivened, make_truth

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
    assert TRUTH.fingerprint()[:16] == "df3465a700caa57c"


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


def test_in_an_enlivened_truth_some_damage_comes_later_and_some_is_none() -> None:
    lively = enlivened(TRUTH, seed=0)
    late = [defect for defect in lively.defects if defect.appears_s > 0]
    assert len(lively.defects) + len(lively.lookalikes) == len(TRUTH.defects)
    assert {thing.class_code for thing in lively.lookalikes} == LOOKALIKES.keys()
    assert 0.2 < len(late) / len(lively.defects) < 0.5
    assert all(LATE_S[0] <= defect.appears_s <= LATE_S[1] for defect in late)
    assert enlivened(TRUTH, seed=0) == lively
    assert enlivened(TRUTH, seed=1) != lively


def test_what_looks_like_damage_lies_between_the_damage_but_is_none() -> None:
    lively = enlivened(TRUTH, seed=0)
    things = lively.things_on("line-1")
    assert [thing.along_m for thing in things] == [defect.along_m for defect in TRUTH.on_line("line-1")]
    assert not set(lively.on_line("line-1")) & set(lively.lookalikes)
