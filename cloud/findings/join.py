"""Joining findings that began apart: because a person said so, or because passes rather tell of one.

Two findings side by side are weighed as one against two, pass by pass. Two need a second damage, which is rare, just
there, and each pass that told one of them missed the other, unless that was gone by then. One needs that all sightings
are of one place, or that the rest is explained otherwise: a pass that told both took something for damage that is none,
one that told it elsewhere did so, too, or a reflection shifted its receiver by metres for some seconds.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Final

import numpy as np

from cloud.findings.associate import Known
from cloud.findings.catalogue import Catalogue
from cloud.findings.decisions import NOTHING_DECIDED, Decisions
from cloud.findings.fuse import PRIOR_M
from cloud.findings.geometry import mahalanobis_2, offset_m, place_at
from cloud.findings.growing import Growing, spread_of_pass
from cloud.findings.model import Observation
from cloud.findings.passes import is_same_pass
from cloud.findings.rates import ASSUMED, PassRates, RateBook, size_of

FARTHEST_M: Final = 12.0  # beyond, what is told beside a thing is another one
JUMPED: Final = 0.001  # density of sightings that a reflection put elsewhere, to that of those at their place
CHOSEN: Final = 2.0  # log odds that two must have more: of many ways to cut one scatter in two, the best is weighed
GONE: Final = 0.02  # chance that a thing was taken away or mended after its last sighting
MOST_PASSES: Final = 20  # the newest of each finding are weighed

Pair = tuple[float, int, int]  # loss (negative), numbers of the findings


def join(
    growing: Sequence[Growing],
    *,
    catalogue: Catalogue,
    decisions: Decisions = NOTHING_DECIDED,
    book: RateBook = ASSUMED,
) -> list[Growing]:
    """Join what is rather one than two, the surest first."""
    groups = {item.number: item for item in growing}
    _join_decided(groups, decisions)
    scale = _Scale(catalogue=catalogue, decisions=decisions, book=book)
    sides = {number: scale.side(item) for number, item in groups.items()}
    pairs = _pairs_of(combinations(sorted(groups), 2), sides, scale)
    while pairs:
        _, first, second = min(pairs)
        _put_together(groups, first, second)
        del sides[second]
        sides[first] = scale.side(groups[first])
        kept = {pair for pair in pairs if not {pair[1], pair[2]} & {first, second}}
        pairs = kept | _pairs_of(((first, other) for other in groups if other != first), sides, scale)
    return list(groups.values())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """One of two findings to be weighed."""

    group: Growing
    known: Known
    seen: tuple[Observation, ...]  # of late, one for each pass, in order of time
    size: float
    began_at: datetime


Told = tuple[tuple[_Side, Observation], ...]  # by one pass, of one of two findings or of both


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Weighs two findings as one against two."""

    catalogue: Catalogue
    decisions: Decisions
    book: RateBook

    def side(self, group: Growing) -> _Side:
        seen = tuple(thing[0] for thing in group.things[-MOST_PASSES:])
        known = group.known(decisions=self.decisions)
        return _Side(group=group, known=known, seen=seen, size=size_of(seen), began_at=group.things[0][0].from_at)

    def loss(self, one: _Side, other: _Side) -> float | None:
        """Negative log of how much more likely they are one; none when they may not be or are rather two."""
        if not self._may_be_one(one, other):
            return None
        many, few = sorted((one, other), key=lambda side: (-len(side.seen), side.group.number))
        told = list(_told_by_pass(many, few))
        places = many.known, _between(many, few)
        gain = max(self._as_one(told, many, at=place) for place in places) - self._as_two(told, many, few)
        gain += self._second_is_rare(many.known, few.known) + CHOSEN
        gain -= self.catalogue.class_penalty(many.known.class_code, few.known.class_code) / 2
        return -gain if gain > 0 else None

    def _may_be_one(self, one: _Side, other: _Side) -> bool:
        if self.catalogue.group_of(one.known.class_code) != self.catalogue.group_of(other.known.class_code):
            return False
        if _are_far(one.known, other.known) or self._are_in_two_lanes(one.known, other.known):
            return False
        return not one.known.never or not any(item.id in one.known.never for item in other.group.observations)

    def _are_in_two_lanes(self, one: Known, other: Known) -> bool:
        """Buses in opposite directions drive in other lanes: the places must agree."""
        if any(one.is_seen_from(heading_deg) for heading_deg in (other.heading_deg, *other.other_headings_deg)):
            return False
        distance_2 = mahalanobis_2(*_offset(one, other), one.covariance, other.covariance)
        distance_2 += self.catalogue.class_penalty(one.class_code, other.class_code)
        return distance_2 > self.catalogue.association.gate_opposite

    def _second_is_rare(self, one: Known, other: Known) -> float:
        """How seldom a second damage lies where the two places do not differ more than by chance."""
        sigma_m = _sigma_m(one, other)
        prior = self.catalogue.classes[other.class_code].prior * math.sqrt(2 * math.pi) * sigma_m / PRIOR_M
        return -math.log(min(prior, 0.5))

    def _as_one(self, told: Sequence[Told], many: _Side, *, at: Known) -> float:
        """Log of how much likelier all that was told is if one thing is at this place than if nothing is."""
        return sum(
            _log_sum(self._missed(of_pass[0][1], many), *(self._seen(item, side, at=at) for side, item in of_pass))
            for of_pass in told
        )

    def _as_two(self, told: Sequence[Told], many: _Side, few: _Side) -> float:
        """The same if each is a thing of its own."""
        return sum(self._alone(told, side) for side in (many, few))

    def _alone(self, told: Sequence[Told], side: _Side) -> float:
        """What all passes say of one of two things; after its last sighting it was missed, or was gone."""
        last_at = side.seen[-1].from_at
        said = [(of_pass[0][1].from_at > last_at, self._of_its_own(of_pass, side)) for of_pass in told]
        since = sum(one for is_since, one in said if is_since)
        return sum(one for is_since, one in said if not is_since) + _log_sum(since, math.log(GONE))

    def _of_its_own(self, of_pass: Told, side: _Side) -> float:
        """What a pass says of one thing; nothing, if it told only the other before or from where this one is seen."""
        for told_of, item in of_pass:
            if told_of is side:
                return _log_sum(self._missed(item, side), self._seen(item, side, at=side.known))
        other = of_pass[0][1]
        is_miss = other.from_at >= side.began_at and side.known.is_seen_from(other.heading_deg)
        return self._missed(other, side) if is_miss else 0.0

    def _seen(self, item: Observation, side: _Side, *, at: Known) -> float:
        """Log of how much likelier a sighting is of a thing at this place than of nothing."""
        east_m, north_m = offset_m(lon=item.lon, lat=item.lat, origin_lon=at.lon, origin_lat=at.lat)
        distance_2 = mahalanobis_2(east_m, north_m, spread_of_pass(item), at.covariance)
        return self._rates(item, side).log_ratio_seen + math.log(math.exp(-distance_2 / 2) + JUMPED)

    def _missed(self, item: Observation, side: _Side) -> float:
        """The same of a pass that told of something else."""
        return self._rates(replace(item, class_code=side.known.class_code), side).log_ratio_missed()

    def _rates(self, item: Observation, side: _Side) -> PassRates:
        reach_m = 2 * math.sqrt(math.pi) * item.along_m
        return self.book.rates(self.catalogue, side.known.class_code, item, reach_m=reach_m, size=side.size)


def _pairs_of(numbers: Iterable[tuple[int, int]], sides: dict[int, _Side], scale: _Scale) -> set[Pair]:
    pairs: set[Pair] = set()
    for pair in numbers:
        first, second = sorted(pair)
        loss = scale.loss(sides[first], sides[second])
        if loss is not None:
            pairs.add((loss, first, second))
    return pairs


def _told_by_pass(many: _Side, few: _Side) -> Iterator[Told]:
    left = list(few.seen)
    for mine in many.seen:
        theirs = next((item for item in left if is_same_pass(mine, item)), None)
        if theirs is None:
            yield ((many, mine),)
        else:
            left.remove(theirs)
            yield (many, mine), (few, theirs)
    yield from (((few, item),) for item in left)


def _between(many: _Side, few: _Side) -> Known:
    """Where one thing would be that all of them are of."""
    share = len(few.seen) / (len(many.seen) + len(few.seen))
    way = share * np.array(_offset(few.known, many.known))
    lon, lat = place_at(way, origin_lon=many.known.lon, origin_lat=many.known.lat)
    return replace(many.known, lon=lon, lat=lat)


def _log_sum(*logs: float) -> float:
    """Log of the sum: one of these stories, whichever."""
    most = max(logs)
    return most + math.log(sum(math.exp(each - most) for each in logs))


def _join_decided(groups: dict[int, Growing], decisions: Decisions) -> None:
    for together in decisions.together:
        mine = [number for number, item in groups.items() if any(seen.id in together for seen in item.observations)]
        for other in mine[1:]:
            _put_together(groups, mine[0], other)


def _put_together(groups: dict[int, Growing], first: int, second: int) -> None:
    things = sorted(
        [*groups[first].things, *groups.pop(second).things], key=lambda thing: (thing[0].from_at, thing[0].id)
    )
    joined = Growing(first, things[0])
    for thing in things[1:]:
        joined.take(thing)
    groups[first] = joined


def _offset(first: Known, second: Known) -> tuple[float, float]:
    return offset_m(lon=first.lon, lat=first.lat, origin_lon=second.lon, origin_lat=second.lat)


def _are_far(first: Known, second: Known) -> bool:
    return math.hypot(*_offset(first, second)) > FARTHEST_M


def _sigma_m(first: Known, second: Known) -> float:
    """Of the distance between two places, on each axis."""
    return math.sqrt(sum(known.covariance.east_m2 + known.covariance.north_m2 for known in (first, second)) / 2)
