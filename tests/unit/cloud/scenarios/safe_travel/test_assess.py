from collections.abc import Sequence
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.scenarios.safe_travel.assess import assess
from cloud.scenarios.safe_travel.model import Agreement, Circle, Event, EventKind, Heard, Moment
from tests.unit.cloud.scenarios.safe_travel.scenes import (
    JOURNEY,
    LAT,
    LON,
    after,
    day,
    drive,
    heard,
    ride,
)

RIDE = ride(from_stop=1, to_stop=4)
ALL_DAY = drive(end_s=1600)


def kinds(events: Sequence[Event]) -> list[EventKind]:
    return [event.kind for event in events]


def test_who_is_heard_along_the_way_boarded_and_left_at_the_stops_of_both_ends() -> None:
    events = assess(day(RIDE))
    assert [(event.kind, event.stop) for event in events] == [
        (EventKind.BOARDED, "stop 1"),
        (EventKind.LEFT_BUS, "stop 4"),
    ]
    assert events[1].at == after(200)


def test_who_stands_where_the_bus_passes_does_not_ride() -> None:
    assert assess(day([heard(50), heard(60)])) == []


def test_who_is_passed_again_and_again_does_not_ride() -> None:
    passes = [heard(120.0 * lap + s, at_m=1000 + 10 * s) for lap in range(5) for s in (0, 10)]
    assert assess(day(passes)) == []


def test_a_bus_that_stands_by_somebody_carries_nobody_however_its_position_wavers() -> None:
    waiting = [heard(10.0 * n, at_m=1000 + 15 * (n % 2)) for n in range(60)]
    assert assess(day(waiting)) == []


def test_who_is_heard_only_weakly_is_outside() -> None:
    assert assess(day([replace(one, rssi_dbm=-90) for one in RIDE])) == []


def test_nothing_heard_means_nothing_happened() -> None:
    assert assess(day([])) == []


@pytest.mark.parametrize(
    "deaf", [(200.0, 300.0), (250.0, 300.0)], ids=["from the last word on", "before it is long enough"]
)
def test_a_reader_that_is_deaf_after_the_last_word_does_not_say_that_somebody_left(deaf: tuple[float, float]) -> None:
    assert kinds(assess(day(RIDE, {"bus-1": drive(deaf=[deaf])}))) == [EventKind.BOARDED]


def test_a_track_that_ends_does_not_say_that_somebody_left() -> None:
    assert kinds(assess(day(RIDE, {"bus-1": drive(end_s=210)}))) == [EventKind.BOARDED]


def test_another_reader_far_from_the_bus_says_that_somebody_left() -> None:
    elsewhere = heard(280, reader="stop-4", at_m=2000)
    watch = {"bus-1": drive(end_s=1600, deaf=[(200, 1600)])}
    assert kinds(assess(day([*RIDE, elsewhere], watch))) == [EventKind.BOARDED, EventKind.LEFT_BUS]


def test_another_reader_says_nothing_while_nobody_knows_where_the_bus_is() -> None:
    elsewhere = heard(280, reader="stop-4", at_m=2000)
    assert kinds(assess(day([*RIDE, elsewhere], {"bus-1": drive(end_s=210)}))) == [EventKind.BOARDED]


def test_a_silence_of_a_deaf_reader_does_not_part_a_ride() -> None:
    sightings = [*ride(from_stop=0, to_stop=2), *ride(from_stop=5, to_stop=6)]
    watch = {"bus-1": drive(end_s=600, deaf=[(101, 249)])}
    assert kinds(assess(day(sightings, watch))) == [EventKind.BOARDED, EventKind.LEFT_BUS]


def test_a_silence_of_a_listening_reader_parts_two_rides() -> None:
    sightings = [*ride(from_stop=0, to_stop=2), *ride(from_stop=5, to_stop=6), *ride(from_stop=6, to_stop=7)]
    watch = {"bus-1": drive(end_s=600)}
    rides = [EventKind.BOARDED, EventKind.LEFT_BUS]
    assert kinds(assess(day(sightings, watch))) == rides + rides


def test_the_bus_behind_hears_a_rider_too_and_is_not_theirs() -> None:
    beside = [replace(one, reader="bus-2", rssi_dbm=-80) for one in RIDE[:-2]]
    events = assess(day([*RIDE, *beside], {"bus-1": drive(), "bus-2": drive()}))
    assert [(event.kind, event.seen and event.seen.reader) for event in events] == [
        (EventKind.BOARDED, "bus-1"),
        (EventKind.LEFT_BUS, "bus-1"),
    ]


def test_who_leaves_the_bus_at_the_destination_has_arrived() -> None:
    events = assess(day(RIDE, {"bus-1": ALL_DAY}, journeys=[JOURNEY]))
    assert kinds(events) == [EventKind.BOARDED, EventKind.ARRIVED, EventKind.LEFT_BUS]
    assert events[1].journey == JOURNEY.id


def test_who_rides_past_the_destination_has_not_arrived() -> None:
    events = assess(day(ride(from_stop=1, to_stop=8), {"bus-1": ALL_DAY}, journeys=[JOURNEY]))
    assert kinds(events) == [EventKind.BOARDED, EventKind.LEFT_BUS, EventKind.NOT_ARRIVED]


def test_nobody_is_missing_who_was_last_heard_where_they_were_to_arrive() -> None:
    watch = {"bus-1": drive(end_s=1600, deaf=[(216, 1600)])}
    assert kinds(assess(day(RIDE, watch, journeys=[JOURNEY]))) == [EventKind.BOARDED, EventKind.ARRIVAL_UNKNOWN]


def test_a_reader_at_the_destination_hears_who_arrives_on_foot() -> None:
    events = assess(day([heard(300, reader="stop-4", at_m=2010)], journeys=[JOURNEY]))
    assert kinds(events) == [EventKind.ARRIVED]


def test_not_arrived_when_every_bus_that_came_by_listened() -> None:
    assert kinds(assess(day([], {"bus-1": ALL_DAY}, journeys=[JOURNEY]))) == [EventKind.NOT_ARRIVED]


@pytest.mark.parametrize(
    "watch",
    [
        {},
        {"bus-1": drive(end_s=100)},
        {"bus-1": drive(deaf=[(195, 205)])},
        {"bus-1": ALL_DAY, "bus-2": drive(deaf=[(0, 300)])},
        {"bus-1": ALL_DAY, "bus-2": [*drive(end_s=150), *drive(begin_s=250)]},
    ],
    ids=["no bus", "none came by", "it was deaf there", "one of two was deaf", "one of two has a gap there"],
)
def test_nobody_knows_whether_somebody_arrived_where_no_reader_listened(watch: dict[str, list[Moment]]) -> None:
    assert kinds(assess(day([], watch, journeys=[JOURNEY]))) == [EventKind.ARRIVAL_UNKNOWN]


def test_who_is_heard_elsewhere_at_the_agreed_time_has_not_arrived() -> None:
    events = assess(day([heard(1000, reader="stop-0", at_m=0)], {}, journeys=[JOURNEY]))
    assert kinds(events) == [EventKind.NOT_ARRIVED]
    assert events[0].seen is not None


def test_nothing_is_said_before_the_time_is_over() -> None:
    assert assess(day([], {"bus-1": ALL_DAY}, journeys=[JOURNEY], now_s=900)) == []


@pytest.mark.parametrize(("now_s", "expected"), [(1600, []), (2600, [EventKind.ARRIVAL_UNKNOWN])])
def test_buses_that_have_not_told_all_are_waited_for_and_then_it_is_not_known(
    now_s: float, expected: list[EventKind]
) -> None:
    events = assess(day([], {"bus-1": ALL_DAY}, journeys=[JOURNEY], complete_s=900, now_s=now_s))
    assert kinds(events) == expected


def test_who_is_heard_elsewhere_needs_no_waiting() -> None:
    sightings = [heard(1000, reader="stop-0", at_m=0)]
    assert kinds(assess(day(sightings, {}, journeys=[JOURNEY], complete_s=0, now_s=1600))) == [EventKind.NOT_ARRIVED]


def test_who_arrives_late_was_not_there_in_time_and_is_there_now() -> None:
    late = heard(3000, reader="stop-4", at_m=2000)
    events = assess(day([late], {"bus-1": ALL_DAY}, journeys=[JOURNEY]))
    assert kinds(events) == [EventKind.NOT_ARRIVED, EventKind.ARRIVED]


HOME = Agreement(area=Circle(lon=LON, lat=LAT, radius_m=500))


def test_each_time_outside_the_agreed_area_is_told_once() -> None:
    outside = [heard(s, reader="stop", at_m=900) for s in (0, 20, 100, 120)]
    events = assess(day([*outside, heard(60, reader="home", at_m=0)], agreement=HOME))
    assert [(event.kind, event.at) for event in events] == [
        (EventKind.LEFT_AREA, after(0)),
        (EventKind.LEFT_AREA, after(100)),
    ]


def test_a_place_that_may_be_inside_is_inside() -> None:
    assert assess(day([heard(0, reader="stop", at_m=600)], agreement=HOME)) == []


def test_an_agreed_journey_may_leave_the_area() -> None:
    outside = heard(0, reader="stop", at_m=900)
    events = assess(day([outside], journeys=[JOURNEY], agreement=HOME, now_s=0))
    assert events == []


@pytest.mark.parametrize(
    "agreement",
    [
        replace(HOME, area_since=after(50)),
        Agreement(hours=(time(9), time(20)), hours_since=after(50)),
    ],
    ids=["area", "hours"],
)
def test_what_was_agreed_later_is_not_held_against_what_was_heard_before(agreement: Agreement) -> None:
    sightings = [heard(s, reader="stop", at_m=900) for s in (0, 20, 100, 120)]
    assert [event.at for event in assess(day(sightings, agreement=agreement))] == [after(100)]


def test_a_journey_that_was_agreed_on_the_way_allows_it_and_nobody_is_missed() -> None:
    journey = replace(JOURNEY, agreed_from=after(10))
    outside = heard(60, reader="stop", at_m=900)
    assert assess(day([outside], {"bus-1": ALL_DAY}, journeys=[journey], agreement=HOME)) == []


def test_a_journey_that_ends_on_the_way_allows_what_was_before_and_nobody_is_missed() -> None:
    journey = replace(JOURNEY, agreed_until=after(250))
    outside = [heard(s, reader="stop", at_m=900) for s in (0, 300)]
    events = assess(day(outside, {"bus-1": ALL_DAY}, journeys=[journey], agreement=HOME))
    assert [(event.kind, event.at) for event in events] == [(EventKind.LEFT_AREA, after(300))]


def test_who_arrived_before_the_journey_ended_has_arrived() -> None:
    for until_s, expected in ((180, []), (250, [EventKind.ARRIVED])):
        journey = replace(JOURNEY, agreed_until=after(until_s))
        told = kinds(assess(day(RIDE, {"bus-1": ALL_DAY}, journeys=[journey])))
        assert [kind for kind in told if kind not in {EventKind.BOARDED, EventKind.LEFT_BUS}] == expected


@pytest.mark.parametrize(
    ("hours", "is_usual"),
    [
        ((time(7), time(20)), True),
        ((time(9), time(20)), False),
        ((time(22), time(9)), True),
        ((time(22), time(6)), False),
        ((time(0), time(0)), True),
        ((time(20), time(20)), True),
    ],
)
def test_hours_are_of_the_countys_clock(hours: tuple[time, time], is_usual: bool) -> None:  # noqa: FBT001
    events = assess(day([heard(0, reader="stop", at_m=0)], agreement=Agreement(hours=hours)))
    assert kinds(events) == ([] if is_usual else [EventKind.UNUSUAL_HOUR])


SIGHTINGS = st.lists(
    st.builds(
        heard,
        st.integers(0, 150).map(lambda n: 10.0 * n),
        reader=st.sampled_from(["bus-1", "stop-4"]),
        at_m=st.none() | st.floats(0, 3000),
    ),
    max_size=25,
)
AGREEMENT = Agreement(area=Circle(lon=LON, lat=LAT, radius_m=500), hours=(time(9), time(20)))


@settings(deadline=None)
@given(sightings=SIGHTINGS, data=st.data())
def test_order_and_repetition_change_nothing(sightings: list[Heard], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations([*sightings, *sightings[:3]]))
    watch = {"bus-1": ALL_DAY}
    first = assess(day(sightings, watch, journeys=[JOURNEY], agreement=AGREEMENT))
    assert assess(day(shuffled, watch, journeys=[JOURNEY], agreement=AGREEMENT)) == first


ABSENCE = {EventKind.LEFT_BUS, EventKind.NOT_ARRIVED}


@settings(deadline=None)
@given(sightings=SIGHTINGS)
def test_without_a_listening_reader_absence_is_never_concluded(sightings: list[Heard]) -> None:
    """But for who is heard elsewhere, which is no absence."""
    here = [one for one in sightings if one.reader == "bus-1" and one.to_at < JOURNEY.arrive_by]
    for watch in ({}, {"bus-1": drive(end_s=1600, deaf=[(0, 1600)])}):
        assert not ABSENCE & set(kinds(assess(day(here, watch, journeys=[JOURNEY]))))


@settings(deadline=None)
@given(sightings=SIGHTINGS, begin_s=st.integers(0, 1500), length_s=st.integers(1, 1000))
def test_a_gap_never_adds_that_somebody_has_not_arrived(sightings: list[Heard], begin_s: int, length_s: int) -> None:
    in_time = [one for one in sightings if one.to_at < JOURNEY.arrive_by]

    def missing(watch: dict[str, list[Moment]]) -> bool:
        events = assess(day(in_time, watch, journeys=[JOURNEY]))
        return EventKind.NOT_ARRIVED in kinds(events)

    whole: dict[str, list[Moment]] = {"bus-1": [*ALL_DAY]}
    holed: dict[str, list[Moment]] = {"bus-1": [*drive(end_s=1600, deaf=[(begin_s, begin_s + length_s)])]}
    assert missing(whole) or not missing(holed)
