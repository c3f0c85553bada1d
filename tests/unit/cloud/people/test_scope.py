import pytest
from shapely.geometry import Polygon

from cloud.people.scope import EVERYTHING, Scope

TOWN = Polygon([(120.0, 27.0), (120.1, 27.0), (120.1, 27.1), (120.0, 27.1)])
IN_TOWN = {"lon": 120.05, "lat": 27.05}
ELSEWHERE = {"lon": 121.0, "lat": 27.05}


@pytest.mark.parametrize(
    ("scope", "unit", "place", "is_there"),
    [
        (EVERYTHING, None, ELSEWHERE, True),
        (Scope(unit="roads"), "roads", ELSEWHERE, True),
        (Scope(unit="roads"), "water", ELSEWHERE, False),
        (Scope(unit="roads"), None, ELSEWHERE, False),
        (Scope(areas=(TOWN,)), "water", IN_TOWN, True),
        (Scope(areas=(TOWN,)), "water", ELSEWHERE, False),
        (Scope(unit="roads", areas=(TOWN,)), "water", IN_TOWN, False),
        (Scope(areas=()), "roads", IN_TOWN, False),
        (Scope(sees_cases=False), "roads", IN_TOWN, False),
    ],
)
def test_a_case_is_there_or_not(scope: Scope, unit: str | None, place: dict[str, float], *, is_there: bool) -> None:
    assert scope.has_case(unit=unit, **place) is is_there


def test_an_area_is_written_as_the_database_reads_it() -> None:
    assert Scope(areas=(TOWN,)).values()["scope_areas"] == ["((120.0,27.0),(120.1,27.0),(120.1,27.1),(120.0,27.1))"]
