from cloud.cases.dispatch import assign, unit_for
from cloud.cases.handling import Area, Crew, Handling, shipped_handling
from cloud.findings.catalogue import LocalName, load_catalogue
from tests.unit.cloud.cases.builders import case_row

CATALOGUE = load_catalogue()
NAME = LocalName(zh="某", en="Some")
AROUND = [(120.40, 27.50), (120.45, 27.50), (120.45, 27.55), (120.40, 27.55)]


def crew(lon: float, *, unit: str = "roads", classes: list[str] | None = None) -> Crew:
    return Crew(name=NAME, unit=unit, lon=lon, lat=27.51, classes=classes or [])


def handling(*, crews: dict[str, Crew] | None = None, areas: list[Area] | None = None) -> Handling:
    return shipped_handling().model_copy(update={"crews": crews or {}, "areas": areas or []})


def sent(rules: Handling, **loads: int) -> str | None:
    return assign(case_row(), catalogue=CATALOGUE, handling=rules, loads=loads).crew


def test_nearest_crew_is_sent() -> None:
    assert sent(handling(crews={"far": crew(120.50), "near": crew(120.43)})) == "near"


def test_crew_with_much_to_do_is_passed_over() -> None:
    assert sent(handling(crews={"far": crew(120.50), "near": crew(120.43)}), near=3) == "far"


def test_crew_of_another_unit_or_for_other_classes_is_not_sent() -> None:
    crews = {"lamps": crew(120.42, unit="lamps"), "holes": crew(120.42, classes=["D40"]), "cracks": crew(120.60)}

    assert sent(handling(crews=crews)) == "cracks"


def test_unit_without_a_crew_chooses_itself() -> None:
    found = assign(case_row(), catalogue=CATALOGUE, handling=handling(), loads={})

    assert (found.unit, found.crew) == ("roads", None)


def test_equals_are_chosen_by_name() -> None:
    assert sent(handling(crews={"b": crew(120.42), "a": crew(120.42)})) == "a"


def test_first_area_that_holds_the_place_and_takes_the_class_decides() -> None:
    areas = [
        Area(name=NAME, unit="holes", classes=["D40"], polygon=AROUND),
        Area(name=NAME, unit="town", polygon=AROUND),
        Area(name=NAME, unit="other", polygon=AROUND),
    ]

    assert unit_for(case_row(), catalogue=CATALOGUE, handling=handling(areas=areas)) == "town"
    assert unit_for(case_row(class_code="D40"), catalogue=CATALOGUE, handling=handling(areas=areas)) == "holes"


def test_place_in_no_area_goes_to_the_unit_of_its_class() -> None:
    areas = [Area(name=NAME, unit="town", polygon=AROUND)]

    assert unit_for(case_row(lon=121.0), catalogue=CATALOGUE, handling=handling(areas=areas)) == "roads"


def test_place_on_the_border_belongs_to_the_area() -> None:
    areas = [Area(name=NAME, unit="town", polygon=AROUND)]

    assert unit_for(case_row(lon=120.40), catalogue=CATALOGUE, handling=handling(areas=areas)) == "town"
