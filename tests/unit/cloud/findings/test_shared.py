"""What the sightings of one pass share of the receiver's error."""

import math

import numpy as np
import pytest

from cloud.findings.geometry import offset_m
from cloud.findings.model import Observation
from cloud.findings.shared import with_shared, without_shared
from tests.unit.cloud.findings.builders import ORIGIN_LAT, ORIGIN_LON, observation

PLACES_M = (0.0, 25.0, 60.0, 90.0)


def _passes(shifts_m: list[tuple[float, float]]) -> list[list[Observation]]:
    """By thing, what passes saw that are each shifted as a whole; one every half hour."""
    return [
        [
            observation(east_m=east, north_m=place + north, minutes=30 * number + place / 500, device=f"bus-{number}")
            for number, (east, north) in enumerate(shifts_m)
        ]
        for place in PLACES_M
    ]


def test_what_a_whole_pass_shares_is_taken_off() -> None:
    groups = _passes([(0.0, 0.0), (4.0, -3.0), (-2.0, 4.0), (1.0, 1.0)])
    known = with_shared(groups)

    for place, group in zip(PLACES_M, groups, strict=True):
        placed = [without_shared(known[item.id]) for item in group]
        norths = [
            offset_m(lon=item.lon, lat=item.lat, origin_lon=ORIGIN_LON, origin_lat=ORIGIN_LAT)[1] for item in placed
        ]
        assert np.ptp(norths) < 4.5  # 7 m as told
        assert np.mean(norths) == pytest.approx(place + 0.5, abs=1.0)
        assert all(item.along_m < 3.0 for item in placed)


def test_alone_nothing_is_known_of_it() -> None:
    (group,) = [[observation(north_m=0.0), observation(north_m=4.0, minutes=30)]]
    known = with_shared([group])

    assert all(known[item.id].left_m is None for item in group)
    assert [without_shared(known[item.id]) for item in group] == group


def test_a_sighting_does_not_confirm_the_group_that_it_is_in() -> None:
    """One that lies six metres off in a pass that lies right everywhere else stays where it is."""
    groups = _passes([(0.0, 0.0)] * 4)
    stray = observation(north_m=PLACES_M[1] + 6.0, minutes=120 + PLACES_M[1] / 500, device="bus-9")
    others = [observation(north_m=place, minutes=120 + place / 500, device="bus-9") for place in PLACES_M]
    known = with_shared([[*group, stray if number == 1 else others[number]] for number, group in enumerate(groups)])

    told = known[stray.id]
    assert math.hypot(told.shift_east_m, told.shift_north_m) < 1.0


def test_order_does_not_matter() -> None:
    groups = _passes([(0.0, 0.0), (4.0, -3.0), (-2.0, 4.0)])
    turned = [list(reversed(group)) for group in groups]

    assert with_shared(groups) == with_shared(turned)
