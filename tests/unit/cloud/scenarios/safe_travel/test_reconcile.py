from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.scenarios.safe_travel.assess import assess
from cloud.scenarios.safe_travel.model import Event, EventKind
from cloud.scenarios.safe_travel.reconcile import Corrections, KnownEvent, reconcile
from tests.unit.cloud.scenarios.safe_travel.scenes import JOURNEY, after, day, drive, heard, ride


def known(number: int, event: Event) -> KnownEvent:
    return KnownEvent(id=UUID(int=number), event=event)


def boarded(at_s: float, reader: str = "bus-1") -> Event:
    return Event(kind=EventKind.BOARDED, at=after(at_s), seen=heard(at_s, reader=reader))


def test_what_is_known_is_not_told_again() -> None:
    assert reconcile([known(1, boarded(0))], [boarded(0)]) == Corrections(new=(), changed=(), withdrawn=())


def test_an_earlier_sighting_that_comes_late_corrects_and_adds_nothing() -> None:
    assert reconcile([known(1, boarded(60))], [boarded(10)]) == Corrections(
        new=(), changed=(known(1, boarded(10)),), withdrawn=()
    )


def test_what_is_not_so_any_more_is_withdrawn() -> None:
    assert reconcile([known(1, boarded(0))], []).withdrawn == (UUID(int=1),)


def test_another_bus_is_another_event() -> None:
    corrections = reconcile([known(1, boarded(0))], [boarded(0, "bus-2")])
    assert (len(corrections.new), corrections.withdrawn) == (1, (UUID(int=1),))


def test_each_event_is_paired_with_the_nearest() -> None:
    corrections = reconcile([known(1, boarded(0)), known(2, boarded(600))], [boarded(590), boarded(5)])
    assert {one.id: one.event for one in corrections.changed} == {UUID(int=1): boarded(5), UUID(int=2): boarded(590)}


@settings(deadline=None)
@given(order=st.permutations(range(20)), cuts=st.sets(st.integers(1, 19), max_size=5))
def test_sightings_that_come_in_parts_and_disorder_end_in_the_same_events(order: list[int], cuts: set[int]) -> None:
    sightings = [
        *ride(from_stop=1, to_stop=4),
        heard(700, reader="stop", at_m=2000),
        heard(900, reader="stop", at_m=9000),
    ]
    sightings += [heard(1000 + 20 * n, reader="stop", at_m=9000) for n in range(20 - len(sightings))]
    watch = {"bus-1": drive(end_s=1600)}
    kept: dict[UUID, Event] = {}
    for end in [*sorted(cuts), len(order)]:
        arrived = [sightings[number] for number in order[:end] if number < len(sightings)]
        corrections = reconcile(
            [KnownEvent(id=key, event=event) for key, event in kept.items()],
            assess(day(arrived, watch, journeys=[JOURNEY])),
        )
        for one in corrections.changed:
            kept[one.id] = one.event
        for key in corrections.withdrawn:
            del kept[key]
        for event in corrections.new:
            kept[UUID(int=len(kept) + 1000 * end)] = event
    whole = assess(day(sightings, watch, journeys=[JOURNEY]))
    assert sorted(map(repr, kept.values())) == sorted(map(repr, whole))
