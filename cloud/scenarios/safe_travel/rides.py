"""From sightings to rides: who is heard all along a bus's way sits on that bus."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from cloud.scenarios.safe_travel.model import Heard, Moment, Watch, apart_m
from cloud.scenarios.safe_travel.rules import TravelRules

RIDE_M: Final = 250.0  # a person at a stop is heard over some 100 m of a bus's way
RUN: Final = timedelta(seconds=30)  # sightings that follow so soon belong to one stretch
STEP_M: Final = 20.0  # less is the noise of a bus that stands
TOGETHER: Final = timedelta(minutes=30)  # without a word in between, nobody is held for the same rider
GAP_S: Final = 20.0  # moments of one reader further apart leave a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """On one bus; `is_over` when it is certain that the person has left it."""

    first: Heard
    last: Heard
    is_over: bool
    rssi_dbm: float  # of the median sighting


def order_of(heard: Heard) -> tuple[datetime, datetime, str, float, float]:
    """By time; the rest only makes the order the same however they came."""
    return heard.from_at, heard.to_at, heard.reader, heard.lon, heard.lat


def rides_of(heard: Sequence[Heard], watch: Watch, rules: TravelRules) -> list[Ride]:
    """The rides of one person, in the order in which they began."""
    by_reader: defaultdict[str, list[Heard]] = defaultdict(list)
    near = {one for one in heard if one.rssi_dbm >= rules.radio.aboard_dbm}
    for one in sorted(near, key=order_of):
        by_reader[one.reader].append(one)
    silence_s = rules.hearing.silence_s
    rides = [
        ride
        for reader, own in by_reader.items()
        for ride in _rides_on(own, watch.get(reader, ()), heard, silence_s=silence_s)
    ]
    return sorted(_own_rides(rides), key=lambda ride: order_of(ride.first))


def _own_rides(rides: Sequence[Ride]) -> Iterator[Ride]:
    """Of buses that drive one behind the other, that which hears the tag best is the person's own."""
    kept: list[Ride] = []
    for ride in sorted(rides, key=lambda ride: (-ride.rssi_dbm, order_of(ride.first))):
        if not any(_is_beside(ride, other) for other in kept):
            kept.append(ride)
            yield ride


def _is_beside(ride: Ride, other: Ride) -> bool:
    """Whether most of a ride lies within the time of another."""
    shared = min(ride.last.to_at, other.last.to_at) - max(ride.first.from_at, other.first.from_at)
    return 2 * shared > ride.last.to_at - ride.first.from_at


def listened_s(moments: Sequence[Moment], *, from_at: datetime, to_at: datetime) -> float:
    """How long a reader listened between two instants; what is not known does not count."""
    return sum(
        (min(after.at, to_at) - max(before.at, from_at)).total_seconds()
        for before, after in pairwise(moments)
        if before.is_listening
        and after.is_listening
        and before.at < to_at
        and after.at > from_at
        and (after.at - before.at).total_seconds() <= GAP_S
    )


def place_at(moments: Sequence[Moment], at: datetime) -> Moment | None:
    """The moment of a reader that is nearest to an instant; none where there is a gap."""
    number = bisect_left(moments, at, key=lambda moment: moment.at)
    near = [moment for moment in moments[max(number - 1, 0) : number + 1] if _is_near(moment, at)]
    return min(near, key=lambda moment: abs(moment.at - at), default=None)


def _is_near(moment: Moment, at: datetime) -> bool:
    return abs((moment.at - at).total_seconds()) <= GAP_S


def _rides_on(
    own: Sequence[Heard], moments: Sequence[Moment], everywhere: Sequence[Heard], *, silence_s: float
) -> Iterator[Ride]:
    groups = list(_groups(own, moments, silence_s=silence_s))
    ends = [group[0].from_at for group in groups[1:]] + [None]
    for group, until in zip(groups, ends, strict=True):
        if _longest_run_m(group) >= RIDE_M:
            is_over = _is_over(group[-1], until, moments=moments, everywhere=everywhere, silence_s=silence_s)
            rssi_dbm = median(one.rssi_dbm for one in group)
            yield Ride(first=group[0], last=group[-1], is_over=is_over, rssi_dbm=rssi_dbm)


def _longest_run_m(group: Sequence[Heard]) -> float:
    """The longest way of the reader on which it heard the tag all the time."""
    longest_m = run_m = 0.0
    for before, after in pairwise(group):
        step_m = apart_m(before, after)
        run_m = run_m + (step_m if step_m > STEP_M else 0.0) if after.from_at - before.to_at <= RUN else 0.0
        longest_m = max(longest_m, run_m)
    return longest_m


def _groups(own: Sequence[Heard], moments: Sequence[Moment], *, silence_s: float) -> Iterator[list[Heard]]:
    """Part what one reader heard where it listened for long and heard nothing."""
    group = [own[0]]
    for before, after in pairwise(own):
        is_long = after.from_at - before.to_at > TOGETHER
        if is_long or listened_s(moments, from_at=before.to_at, to_at=after.from_at) >= silence_s:
            yield group
            group = []
        group.append(after)
    yield group


def _is_over(
    last: Heard,
    until: datetime | None,
    *,
    moments: Sequence[Moment],
    everywhere: Sequence[Heard],
    silence_s: float,
) -> bool:
    """Whether the bus went on without the person: it listened in vain, or another reader heard them far from it."""
    end = until or (moments[-1].at if moments else last.to_at)
    if listened_s(moments, from_at=last.to_at, to_at=end) >= silence_s:
        return True
    return any(
        one.reader != last.reader
        and last.to_at < one.from_at
        and (until is None or one.from_at < until)
        and (bus := place_at(moments, one.from_at)) is not None
        and apart_m(one, bus) > RIDE_M + one.accuracy_m
        for one in everywhere
    )
