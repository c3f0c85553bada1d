"""What sightings of one person mean on one day. Absence is concluded only where a reader really listened."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from itertools import groupby, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from cloud.scenarios.safe_travel.model import (
    Agreement,
    Circle,
    Event,
    EventKind,
    Heard,
    Journey,
    Moment,
    Stop,
    Watch,
    apart_m,
)
from cloud.scenarios.safe_travel.rides import GAP_S, Ride, order_of, rides_of
from cloud.scenarios.safe_travel.rules import TravelRules

STOP_M: Final = 120.0
EARLY: Final = timedelta(minutes=30)  # a journey may begin before it was agreed
GRACE: Final = timedelta(minutes=10)  # and end after
PATIENCE: Final = timedelta(minutes=15)  # with buses that have not told yet what they heard
LATE: Final = timedelta(hours=6)  # who comes later did not come by this journey
ABOARD: Final = timedelta(seconds=45)  # shorter than a silence that parts two rides
PARKED_M: Final = 50.0  # a bus that is where it was when it fell silent stood there
FASTEST_MPS: Final = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """All that is known of one person's day. `complete_to`: until then each bus that passes has told all."""

    heard: Sequence[Heard]
    watch: Watch
    journeys: Sequence[Journey]
    agreement: Agreement
    stops: Sequence[Stop]
    rules: TravelRules
    zone: ZoneInfo
    complete_to: datetime
    now: datetime


def assess(day: Day) -> list[Event]:
    """Everything that can be concluded, in order of time; the same however late and in whatever order things came."""
    heard = sorted(set(day.heard), key=order_of)
    rides = rides_of(heard, day.watch, day.rules)
    events = [
        *(event for ride in rides for event in _of_ride(ride, day.stops)),
        *(event for journey in day.journeys for event in _of_journey(journey, heard, rides, day)),
        *_outside(heard, day),
        *_at_unusual_hours(heard, day),
    ]
    return sorted(events, key=lambda event: (event.at, event.kind, str(event.journey)))


def _of_ride(ride: Ride, stops: Sequence[Stop]) -> Iterator[Event]:
    yield Event(kind=EventKind.BOARDED, at=ride.first.from_at, seen=ride.first, stop=_stop_at(ride.first, stops))
    if ride.is_over:
        yield Event(kind=EventKind.LEFT_BUS, at=ride.last.to_at, seen=ride.last, stop=_stop_at(ride.last, stops))


def _stop_at(heard: Heard, stops: Sequence[Stop]) -> str | None:
    """The nearest stop, if it is near."""
    near = [(apart_m(stop, heard), stop) for stop in stops]
    metres, stop = min(near, key=lambda pair: (pair[0], pair[1].name), default=(STOP_M, None))
    return stop.name if stop is not None and metres <= STOP_M + heard.accuracy_m else None


def _of_journey(journey: Journey, heard: Sequence[Heard], rides: Sequence[Ride], day: Day) -> Iterator[Event]:
    if journey.agreed_from is not None and journey.leave_at < journey.agreed_from:
        return
    begin, end = journey.leave_at - EARLY, journey.arrive_by + GRACE
    until = journey.agreed_until
    reach_m = day.rules.radio.reach_m
    may_be_there = partial(_may_be_in, journey.destination, reach_m=reach_m)
    arrival = _arrival(journey, heard, rides, begin=begin, may_be_there=may_be_there)
    if arrival is not None and (until is None or arrival.to_at <= until):
        yield Event(kind=EventKind.ARRIVED, at=arrival.to_at, seen=arrival, journey=journey.id)
    if day.now < end or (until is not None and until < end) or (arrival is not None and arrival.to_at <= end):
        return
    last = next((one for one in reversed(heard) if begin <= one.from_at <= end), None)
    is_elsewhere = any(journey.arrive_by <= one.to_at <= end and not may_be_there(one) for one in heard)
    here = [one for one in heard if begin <= one.from_at <= end and may_be_there(one)]
    is_absent = (
        day.complete_to >= end
        and all(_rode_on(one, heard, may_be_there) for one in here)
        and _listened_at(journey.destination, day.watch, from_at=begin, to_at=end, reach_m=reach_m)
    )
    if is_elsewhere or is_absent:
        yield Event(kind=EventKind.NOT_ARRIVED, at=end, seen=last, journey=journey.id)
    elif day.complete_to >= end or day.now >= end + PATIENCE:
        yield Event(kind=EventKind.ARRIVAL_UNKNOWN, at=end, seen=last, journey=journey.id)


def _arrival(
    journey: Journey,
    heard: Sequence[Heard],
    rides: Sequence[Ride],
    *,
    begin: datetime,
    may_be_there: Callable[[Heard], bool],
) -> Heard | None:
    """The first sighting at the destination of somebody who does not ride on."""
    aboard = [(ride.first.reader, ride.first.from_at, ride.last.to_at) for ride in rides]
    ends = {ride.last for ride in rides if ride.is_over}
    latest = journey.arrive_by + LATE
    return next(
        (
            one
            for one in heard
            if begin <= one.from_at <= latest
            and may_be_there(one)
            and (one in ends or not any(_is_within(one, ride) for ride in aboard))
        ),
        None,
    )


def _rode_on(one: Heard, heard: Sequence[Heard], may_be_there: Callable[[Heard], bool]) -> bool:
    """Whether the same reader, too soon after for anybody to leave and come back, heard the person farther on."""
    latest = one.to_at
    for other in heard:
        if other.reader == one.reader and one.from_at < other.from_at <= latest + ABOARD:
            if not may_be_there(other):
                return True
            latest = max(latest, other.to_at)
    return False


def _is_within(heard: Heard, ride: tuple[str, datetime, datetime]) -> bool:
    _, from_at, to_at = ride
    return from_at <= heard.from_at <= to_at


def _may_be_in(circle: Circle, heard: Heard, *, reach_m: float) -> bool:
    return circle.outside_m(heard) <= heard.accuracy_m + reach_m


def _listened_at(place: Circle, watch: Watch, *, from_at: datetime, to_at: datetime, reach_m: float) -> bool:
    """Whether readers passed a place, and every one that passed listened."""
    passed = [
        moment
        for moments in watch.values()
        for moment in moments
        if from_at <= moment.at <= to_at and place.outside_m(moment) <= reach_m
    ]
    has_gap = any(_may_have_passed(place, moments, from_at=from_at, to_at=to_at) for moments in watch.values())
    return bool(passed) and all(moment.is_listening for moment in passed) and not has_gap


def _may_have_passed(place: Circle, moments: Sequence[Moment], *, from_at: datetime, to_at: datetime) -> bool:
    """Whether a reader that drove on during a gap between its moments could have been at a place."""
    return any(
        (apart_s := (after.at - before.at).total_seconds()) > GAP_S
        and before.at <= to_at
        and after.at >= from_at
        and apart_m(before, after) > PARKED_M
        and sum(place.outside_m(moment) for moment in (before, after)) <= FASTEST_MPS * apart_s
        for before, after in pairwise(moments)
    )


def _outside(heard: Sequence[Heard], day: Day) -> Iterator[Event]:
    """The first sighting of each time outside the agreed area, but on a journey that was agreed."""
    area = day.agreement.area
    if area is None:
        return
    free = [one for one in heard if day.agreement.in_area_time(one) and not _is_on_journey(one.from_at, day.journeys)]
    reach_m = day.rules.radio.reach_m
    for is_outside, group in groupby(free, key=lambda one: not _may_be_in(area, one, reach_m=reach_m)):
        if is_outside:
            first = next(group)
            yield Event(kind=EventKind.LEFT_AREA, at=first.from_at, seen=first)


def _is_on_journey(at: datetime, journeys: Sequence[Journey]) -> bool:
    return any(
        journey.leave_at - EARLY <= at <= journey.arrive_by + GRACE
        and (journey.agreed_until is None or at <= journey.agreed_until)
        for journey in journeys
    )


def _at_unusual_hours(heard: Sequence[Heard], day: Day) -> Iterator[Event]:
    """The first sighting of each time outside the agreed hours."""
    hours = day.agreement.hours
    if hours is None:
        return
    free = [one for one in heard if day.agreement.in_hours_time(one) and not _is_on_journey(one.from_at, day.journeys)]
    for is_usual, group in groupby(free, key=lambda one: _is_between(one.from_at.astimezone(day.zone).time(), hours)):
        if not is_usual:
            first = next(group)
            yield Event(kind=EventKind.UNUSUAL_HOUR, at=first.from_at, seen=first)


def _is_between(at: time, hours: tuple[time, time]) -> bool:
    """Whether a time lies in hours that may go over midnight; from a time to the same is the whole day."""
    begin, end = hours
    return begin <= at < end if begin < end else at >= begin or at < end
