"""What the demo says of street furniture."""

from pathlib import Path
from typing import Any

from busense.demo_furniture import Told, score_furniture, write_rules
from cloud.scenarios.street_furniture.kinds import load_kinds

LON, LAT = 120.42, 27.51


def thing(number: int, problem: str | None = None, *, from_s: float = 5.0, is_listed: bool = True) -> dict[str, Any]:
    place = {"lon": LON + number * 0.001, "lat": LAT}
    return {"kind": "SIGN", "problem": problem, "from_s": from_s, "is_listed": is_listed} | place


def told(number: int, problem: str, *, passes_seen: int = 6, kind: str = "SIGN") -> Told:
    return Told(kind=kind, lon=LON + number * 0.001, lat=LAT + 2e-5, problem=problem, passes_seen=passes_seen)


def test_found_named_and_invented_are_counted_apart() -> None:
    truth = [
        thing(0, "missing"),
        thing(1, "hidden"),
        thing(2, "missing", from_s=100.0),
        thing(3),
        thing(4, is_listed=False),
    ]
    known = [told(number, "imported") for number in range(4)]
    said = [told(0, "missing"), told(1, "missing", passes_seen=8), told(3, "hidden")]
    assert score_furniture(truth, known, said, driven_s=120.0) == {
        "things": 5,
        "learned": 0,
        "to_learn": 1,
        "went_wrong": 2,
        "found": 2,
        "named_right": 1,
        "invented": 1,
        "invented_per_100_things": 20.0,
        "median_passes": 7.0,
        "rates": "assumed",
    }


def test_town_without_things_has_a_score() -> None:
    assert score_furniture([], [], [], driven_s=120.0)["median_passes"] is None


def test_demo_has_the_shipped_rules_but_for_hours_and_pictures(tmp_path: Path) -> None:
    write_rules(tmp_path / "kinds.toml")
    kinds, shipped = load_kinds(tmp_path / "kinds.toml"), load_kinds()
    assert kinds.rules.apart_h == 0.0
    assert kinds.pictures is None
    assert kinds.model_copy(update={"rules": shipped.rules, "pictures": shipped.pictures}) == shipped
