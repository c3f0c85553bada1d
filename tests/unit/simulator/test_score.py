from dataclasses import dataclass

import pytest

from simulator.city import ORIGIN
from simulator.plane import Spot
from simulator.score import Claim, Score, score_claims
from simulator.truth import Defect, Truth, Unlabelled

GROUPS = {"D00": "crack", "D10": "crack", "D20": "crack", "D40": "pothole"}


def _defect(name: str, class_code: str, north_m: float) -> Defect:
    lon, lat = ORIGIN.lon_lat(Spot(0, north_m))
    return Defect(
        id=name,
        class_code=class_code,
        lon=lon,
        lat=lat,
        heading_deg=0,
        length_m=1,
        width_m=1,
        line_id="line-1",
        along_m=north_m,
        right_m=0,
        seed=0,
    )


def _claim(name: str, class_code: str, north_m: float) -> Claim:
    lon, lat = ORIGIN.lon_lat(Spot(0, north_m))
    return Claim(id=name, class_code=class_code, lon=lon, lat=lat)


def _score(claims: list[Claim], defects: list[Defect], *, hidden: set[str] | None = None) -> Score:
    exposed = {defect.id for defect in defects} - (hidden or set())
    return score_claims(claims, truth=Truth(defects=tuple(defects)), exposed_ids=exposed, group_of=GROUPS, plane=ORIGIN)


@dataclass(frozen=True)
class Case:
    claims: list[Claim]
    defects: list[Defect]
    found: int = 0
    missed: int = 0
    invented: int = 0
    doubled: int = 0


CASES = {
    "nothing": Case([], []),
    "found": Case([_claim("c", "D40", 2)], [_defect("d", "D40", 0)], found=1),
    "found as its group": Case([_claim("c", "D00", 2)], [_defect("d", "D10", 0)], found=1),
    "missed": Case([], [_defect("d", "D40", 0)], missed=1),
    "wrong group": Case([_claim("c", "D40", 0)], [_defect("d", "D10", 0)], missed=1, invented=1),
    "too far": Case([_claim("c", "D40", 9)], [_defect("d", "D40", 0)], missed=1, invented=1),
    "doubled": Case([_claim("a", "D40", 1), _claim("b", "D40", 3)], [_defect("d", "D40", 0)], found=1, doubled=1),
    "another group beside what is told": Case(
        [_claim("a", "D40", 0), _claim("b", "D10", 1)], [_defect("d", "D40", 0)], found=1, invented=1
    ),
    "two of two": Case(
        [_claim("a", "D40", 1), _claim("b", "D40", 6)], [_defect("d", "D40", 0), _defect("e", "D40", 5)], found=2
    ),
    "one of two": Case([_claim("a", "D40", 2)], [_defect("d", "D40", 0), _defect("e", "D40", 5)], found=1, missed=1),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_claims_are_counted(case: Case) -> None:
    score = _score(case.claims, case.defects)
    counts = len(score.found), len(score.missed), len(score.invented), len(score.doubled)
    assert counts == (case.found, case.missed, case.invented, case.doubled)


def test_the_nearest_claim_is_the_one_that_found_it() -> None:
    score = _score([_claim("far", "D40", 5), _claim("near", "D40", -1)], [_defect("d", "D40", 0)])
    assert [claim for _, claim, _ in score.found] == ["near"]
    assert score.median_distance_m == pytest.approx(1.0)


def test_what_no_camera_showed_is_neither_missed_nor_invented() -> None:
    score = _score([_claim("c", "D40", 1)], [_defect("d", "D40", 0), _defect("e", "D40", 50)], hidden={"d", "e"})
    assert (score.exposed, score.found, score.missed, score.invented) == (0, (), (), ())


@pytest.mark.parametrize(
    ("kind", "class_code", "north_m", "outcome"),
    [
        ("manhole", "D40", 5, "invented"),
        ("manhole", "D40", 2, "doubled"),
        ("patch", "D40", 5, "doubled"),
    ],
    ids=["at the manhole", "nearer to the defect", "taken for another class"],
)
def test_a_claim_of_what_only_looks_like_damage_is_invented_though_damage_lies_near(
    kind: str, class_code: str, north_m: float, outcome: str
) -> None:
    truth = Truth(defects=(_defect("d", class_code, 0),), lookalikes=(_defect("l", kind, 6),))
    claims = [_claim("real", class_code, 0), _claim("c", class_code, north_m)]
    score = score_claims(claims, truth=truth, exposed_ids={"d"}, group_of=GROUPS, plane=ORIGIN)
    assert (score.invented, score.doubled) == ((("c",), ()) if outcome == "invented" else ((), ("c",)))


def test_who_was_fooled_beside_a_defect_has_not_found_it() -> None:
    truth = Truth(defects=(_defect("d", "D40", 0),), lookalikes=(_defect("l", "manhole", 6),))
    score = score_claims([_claim("c", "D40", 5)], truth=truth, exposed_ids={"d"}, group_of=GROUPS, plane=ORIGIN)
    assert (score.found, score.missed, score.invented) == ((), ("d",), ("c",))


def test_no_distance_without_a_finding() -> None:
    assert _score([], []).median_distance_m is None


@pytest.mark.parametrize(
    ("class_code", "north_m", "invented"),
    [("D00", 10, 0), ("D40", 10, 1), ("D00", 40, 1)],
    ids=["unlabelled there", "labelled there", "elsewhere"],
)
def test_unlabelled_damage_is_not_invented(class_code: str, north_m: float, invented: int) -> None:
    lon, lat = ORIGIN.lon_lat(Spot(0, 0))
    truth = Truth(defects=(), unlabelled=(Unlabelled(lon=lon, lat=lat, radius_m=20, class_codes=("D00",)),))
    claim = _claim("c", class_code, north_m)
    score = score_claims([claim], truth=truth, exposed_ids=set(), group_of=GROUPS, plane=ORIGIN)
    assert len(score.invented) == invented
