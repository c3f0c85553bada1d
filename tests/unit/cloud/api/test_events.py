import json

import pytest
from shapely.geometry import box

from cloud.api.live import Change, Place
from cloud.api.routes.events import as_told
from cloud.people.scope import EVERYTHING, Scope

NORTH = Scope(areas=(box(120, 28, 121, 29),))
SOUTH = Scope(areas=(box(120, 27, 121, 28),))
ROADS = Scope(unit="roads")
WATER = Scope(unit="water")
CASE = {"unit_key": "roads", "lon": 120.5, "lat": 27.5}
OBSERVATION = {"lon": 120.5, "lat": 27.5}
FINDING = {"geometry": {"coordinates": [120.5, 27.5]}, "properties": {"case": {"number": "demo-1", "unit": "roads"}}}


def told(kind: str, payload: object, scope: Scope) -> str | None:
    return as_told(Change(place=Place(1, 1), kind=kind, payload=json.dumps(payload)), scope)


@pytest.mark.parametrize(
    ("kind", "payload", "scope", "is_there"),
    [
        ("case", CASE, EVERYTHING, True),
        ("case", CASE, ROADS, True),
        ("case", CASE, WATER, False),
        ("case", CASE, SOUTH, True),
        ("case", CASE, NORTH, False),
        ("case", CASE, Scope(sees_cases=False), False),
        ("finding", FINDING, WATER, True),
        ("finding", FINDING, NORTH, False),
        ("observation", OBSERVATION, SOUTH, True),
        ("observation", OBSERVATION, NORTH, False),
        ("bus", {"device": "bus-1"}, NORTH, True),
    ],
)
def test_a_change_is_told_of_what_is_there(kind: str, payload: object, scope: Scope, *, is_there: bool) -> None:
    assert (told(kind, payload, scope) is not None) is is_there


@pytest.mark.parametrize(("scope", "has_case"), [(ROADS, True), (WATER, False), (Scope(sees_cases=False), False)])
def test_a_finding_does_not_tell_of_another_units_case(scope: Scope, *, has_case: bool) -> None:
    assert ("demo-1" in (told("finding", FINDING, scope) or "")) is has_case
