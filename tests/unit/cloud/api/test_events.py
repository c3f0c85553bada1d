import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from shapely.geometry import box
from typing_extensions import override

from cloud.api.live import NOTHING, Change, Hub, Place, Subscription
from cloud.api.routes.events import as_told, follow
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


class HubOfOne(Hub):
    """Hands out a subscription that the test fills, and nothing from a database."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    @override
    @contextmanager
    def subscribe(self) -> Generator[Subscription]:
        yield self._subscription


def test_what_has_come_goes_out_in_one_piece() -> None:
    subscription = Subscription(start=NOTHING)

    def put(*numbers: int) -> None:
        for number in numbers:
            subscription.put(Change(place=Place(1, number), kind="bus", payload=f"[{number}]"))

    async def told(change: Change) -> str | None:
        return None if change.place.id == 2 else change.payload

    async def is_welcome() -> bool:
        return True

    async def pieces() -> list[str]:
        stream = follow(HubOfOne(subscription), None, told=told, is_welcome=is_welcome)
        first = await anext(stream)
        put(1, 2, 3)
        second = await anext(stream)
        put(2, 4)  # the first of them is known already
        third = await anext(stream)
        put(5)
        subscription.close()
        return [first, second, third, *[piece async for piece in stream]]

    ready, together, alone = asyncio.run(pieces())

    assert "event: ready" in ready
    assert together == "id: 1-1.0-0\nevent: bus\ndata: [1]\n\nid: 1-3.0-0\nevent: bus\ndata: [3]\n\n"
    assert alone == "id: 1-4.0-0\nevent: bus\ndata: [4]\n\n"
