from datetime import UTC, datetime, timedelta

import h3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.scenarios.safe_travel.model import Heard, Moment
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.scenarios.safe_travel.search import (
    Chance,
    NextPass,
    Passing,
    Streets,
    cell_of,
    next_passes,
    origins,
    where_now,
)
from tests.unit.cloud.scenarios.safe_travel.scenes import AT, after, drive, heard, place

RULES = load_travel_rules()
TOWN = Streets(
    [[place(500.0 * n, -1500.0), place(500.0 * n, 1500.0)] for n in range(-3, 8)]
    + [[place(east, north) for east in range(-1500, 4000, 500)] for north in range(-1500, 2000, 500)]
)
LAST = heard(0, reader="stop-2", at_m=1000)


def of_cell(chances: list[Chance], east_m: float, north_m: float = 0.0) -> float:
    lon, lat = place(east_m, north_m)
    return dict(chances).get(cell_of(lon=lon, lat=lat), 0.0)


def metres_to(cell: str, last: Heard) -> float:
    lat, lon = h3.cell_to_latlng(cell)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return h3.great_circle_distance((lat, lon), (last.lat, last.lon), unit="m")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]


@settings(deadline=None)
@given(minutes=st.integers(0, 90), deaf=st.booleans())
def test_chances_add_up_to_one_and_nobody_walks_faster_than_people_do(minutes: int, deaf: bool) -> None:  # noqa: FBT001
    watch = {"bus-1": drive(end_s=600, deaf=[(0, 600)] if deaf else [])}
    walked = {} if deaf else watch
    found = where_now(LAST, at=after(10 + 60 * minutes), streets=TOWN, watch=walked, rules=RULES)
    assert sum(chance.probability for chance in found) == pytest.approx(1.0)
    assert [chance.probability for chance in found] == sorted((c.probability for c in found), reverse=True)
    assert all(metres_to(chance.cell, LAST) <= RULES.search.walk_mps * 60 * minutes + 250 for chance in found)


def test_at_first_the_person_is_where_they_were_heard() -> None:
    assert where_now(LAST, at=after(15), streets=TOWN, watch={}, rules=RULES) == [
        Chance(cell_of(lon=LAST.lon, lat=LAST.lat), 1.0)
    ]


def test_more_time_means_more_cells() -> None:
    sizes = [len(where_now(LAST, at=after(60 * m), streets=TOWN, watch={}, rules=RULES)) for m in (1, 5, 15, 40)]
    assert sizes == sorted(set(sizes))


def test_people_walk_along_streets() -> None:
    found = where_now(LAST, at=after(600), streets=TOWN, watch={}, rules=RULES)
    assert of_cell(found, 1300) > 0
    assert of_cell(found, 1250, 250) == 0


def test_without_streets_the_last_place_is_all_that_is_known() -> None:
    found = where_now(LAST, at=after(600), streets=Streets([]), watch={}, rules=RULES)
    assert [chance.probability for chance in found] == [1.0]


def test_where_a_reader_listened_in_vain_is_less_likely() -> None:
    at = after(600)
    watch = {"bus-1": [Moment(after(590 + n), *place(1300 + 10 * n), is_listening=True) for n in range(10)]}
    assert of_cell(where_now(LAST, at=at, streets=TOWN, watch=watch, rules=RULES), 1350) < 0.5 * of_cell(
        where_now(LAST, at=at, streets=TOWN, watch={}, rules=RULES), 1350
    )


def test_what_was_heard_in_vain_long_ago_weighs_less() -> None:
    def chance(watch: dict[str, list[Moment]]) -> float:
        return of_cell(where_now(LAST, at=after(1800), streets=TOWN, watch=watch, rules=RULES), 1300)

    just_now, long_ago = ({"bus-1": [Moment(after(s), *place(1300), is_listening=True)]} for s in (1790, 300))
    assert chance(just_now) < chance(long_ago) < chance({})


def test_a_stop_that_has_listened_all_the_time_says_as_much_as_a_bus_that_passed_just_now() -> None:
    def chance(*listened_s: int) -> float:
        watch = {"reader": [Moment(after(s), *place(1300), is_listening=True) for s in listened_s]}
        return of_cell(where_now(LAST, at=after(1800), streets=TOWN, watch=watch, rules=RULES), 1300)

    assert chance(*range(20, 1791, 30)) == pytest.approx(chance(1790))


def test_a_bus_that_stands_at_the_edge_of_two_cells_has_listened_once_in_each() -> None:
    here, beside = 1032.0, 1031.0
    assert cell_of(lon=place(here)[0], lat=place(here)[1]) != cell_of(lon=place(beside)[0], lat=place(beside)[1])

    def chance(*places_m: float) -> float:
        moments = [Moment(after(20 + s), *place(east_m), is_listening=True) for s, east_m in enumerate(places_m)]
        return of_cell(where_now(LAST, at=after(900), streets=TOWN, watch={"bus-1": moments}, rules=RULES), here)

    assert chance(*[here, beside] * 150) == pytest.approx(chance(*[beside] * 150, *[here] * 150), rel=0.05)


def stopping(*, deaf_until_s: float) -> list[Moment]:
    """A bus that comes by at 100 s and stands at the places 2000 and 3000 m for 20 s each."""
    east_m, moments = 0.0, list[Moment]()
    stands = {2000.0: 20, 3000.0: 20}
    for s in range(400):
        moments.append(Moment(after(s), *place(east_m), is_listening=s > deaf_until_s))
        if stands.get(east_m, 0) > 0:
            stands[east_m] -= 1
        else:
            east_m += 10.0
    return moments


def test_a_bus_that_could_not_hear_may_have_carried_the_person_to_its_stops() -> None:
    found = where_now(LAST, at=after(400), streets=TOWN, watch={"bus-1": stopping(deaf_until_s=400)}, rules=RULES)
    assert of_cell(found, 2000) > 0
    assert of_cell(found, 3000) > 0
    assert of_cell(found, 3500) == 0  # it did not stop there


def test_a_bus_that_listened_has_not_carried_the_person() -> None:
    found = where_now(LAST, at=after(400), streets=TOWN, watch={"bus-1": stopping(deaf_until_s=-1)}, rules=RULES)
    assert of_cell(found, 3000) == 0


def test_a_bus_that_listens_again_was_left_before() -> None:
    found = where_now(LAST, at=after(400), streets=TOWN, watch={"bus-1": stopping(deaf_until_s=260)}, rules=RULES)
    assert of_cell(found, 2000) > 0
    assert of_cell(found, 3000) == 0


def test_who_was_last_heard_on_a_bus_that_went_deaf_is_most_likely_still_on_it_or_at_its_stops() -> None:
    last = heard(95, reader="bus-1", at_m=1000)
    found = origins(last, at=after(400), watch={"bus-1": stopping(deaf_until_s=400)}, rules=RULES)
    assert sum(origin.weight for origin in found) == pytest.approx(1.0)
    assert sum(origin.weight for origin in found if origin.at > last.to_at) == pytest.approx(0.9)
    assert [origin.is_bus for origin in found] == [False, True, False, False]


HERE = cell_of(lon=LAST.lon, lat=LAST.lat)


def test_buses_that_come_at_this_time_of_day_come_again() -> None:
    past = [Passing("bus-1", AT - timedelta(days=n) + timedelta(minutes=10 + n), HERE) for n in (1, 2, 3)]
    past += [Passing("bus-2", AT - timedelta(days=2) + timedelta(minutes=5), HERE)]
    past += [Passing("bus-3", AT - timedelta(days=2) + timedelta(hours=5), HERE)]
    past += [Passing("bus-4", AT - timedelta(days=2) + timedelta(minutes=5), "elsewhere")]
    found = next_passes(past, [Chance(HERE, 0.6)], at=AT)
    assert found == [
        NextPass(reader="bus-2", at=after(300), share=pytest.approx(1 / 3), probability=0.6),  # pyright: ignore[reportArgumentType]
        NextPass(reader="bus-1", at=after(12 * 60), share=1.0, probability=0.6),
    ]


def test_nothing_is_said_of_buses_without_a_past() -> None:
    assert next_passes([], [Chance(HERE, 1.0)], at=AT) == []


def test_a_bus_that_comes_after_midnight_is_told_before_it() -> None:
    late = datetime(2026, 3, 2, 15, 40, tzinfo=UTC)  # 23:40 there
    past = [Passing("bus-1", late - timedelta(days=n) + timedelta(minutes=25), HERE) for n in (1, 2, 3)]
    found = next_passes(past, [Chance(HERE, 0.6)], at=late)
    assert found == [NextPass(reader="bus-1", at=late + timedelta(minutes=25), share=1.0, probability=0.6)]


def test_a_cell_counts_once_however_long_a_bus_was_in_it() -> None:
    past = [Passing("bus-1", AT - timedelta(days=1) + timedelta(seconds=s), HERE) for s in range(12)]
    (found,) = next_passes(past, [Chance(HERE, 0.1)], at=AT)
    assert found.probability == pytest.approx(0.1)
