"""Joining findings that began apart: because a person said so, or because passes that see one miss the other.

Two findings side by side are weighed as one against two. Two need a second damage, which is rare, just there; and each
pass that told one of them missed the other. One needs the two places to differ by chance; and each pass that told both
took something for damage that is none.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from cloud.findings.associate import MAX_REACH_M, Known
from cloud.findings.catalogue import Catalogue
from cloud.findings.decisions import NOTHING_DECIDED, Decisions
from cloud.findings.fuse import PRIOR_M
from cloud.findings.geometry import mahalanobis_2, offset_m
from cloud.findings.growing import Growing
from cloud.findings.model import Observation
from cloud.findings.passes import is_same_pass
from cloud.findings.rates import ASSUMED, PassRates, RateBook, size_of

FARTHEST_2: Final = 9.21  # squared distance in sigmas, of each sighting of the fewer, beyond which nothing joins
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Weighs two findings as one against two."""

    catalogue: Catalogue
    decisions: Decisions
    book: RateBook

    def side(self, group: Growing) -> _Side:
        seen = tuple(thing[0] for thing in group.things[-MOST_PASSES:])
        return _Side(group=group, known=group.known(decisions=self.decisions), seen=seen, size=size_of(seen))

    def loss(self, one: _Side, other: _Side) -> float | None:
        """Negative log of how much more likely they are one; none when they may not be or are rather two."""
        if not self._may_be_one(one, other):
            return None
        distance_2 = self._distance_2(one.known, other.known)
        if distance_2 > self._gate(one, other):
            return None
        gain = self._second_is_rare(one.known, other.known) - distance_2 / 2
        gain += self._missed(one, other) + self._missed(other, one) - self._told_both(one, other)
        return -gain if gain > 0 else None

    def _may_be_one(self, one: _Side, other: _Side) -> bool:
        if self.catalogue.group_of(one.known.class_code) != self.catalogue.group_of(other.known.class_code):
            return False
        if math.hypot(*_offset(one.known, other.known)) > MAX_REACH_M:
            return False
        return not one.known.never or not any(item.id in one.known.never for item in other.group.observations)

    def _gate(self, one: _Side, other: _Side) -> float:
        """Opposite directions drive in other lanes: places must agree. In one, a scatter cut in two lies far apart."""
        headings = (other.known.heading_deg, *other.known.other_headings_deg)
        if not any(one.known.is_seen_from(heading) for heading in headings):
            return self.catalogue.association.gate_opposite
        return FARTHEST_2 * min(len(one.seen), len(other.seen))

    def _distance_2(self, one: Known, other: Known) -> float:
        distance_2 = mahalanobis_2(*_offset(one, other), one.covariance, other.covariance)
        return distance_2 + self.catalogue.class_penalty(one.class_code, other.class_code)

    def _second_is_rare(self, one: Known, other: Known) -> float:
        """How seldom a second damage lies where the two places do not differ more than by chance."""
        spreads = (one.covariance, other.covariance)
        sigma_m = math.sqrt(sum(spread.east_m2 + spread.north_m2 for spread in spreads) / 2)
        prior = self.catalogue.classes[other.class_code].prior * math.sqrt(2 * math.pi) * sigma_m / PRIOR_M
        return -math.log(min(prior, 0.5))

    def _missed(self, told: _Side, other: _Side) -> float:
        """What it weighs that passes told one finding only, once the other had been seen from their direction."""
        began_at = other.group.things[0][0].from_at
        return -sum(
            self._rates(replace(item, class_code=other.known.class_code), other).log_ratio_missed()
            for item in told.seen
            if item.from_at >= began_at
            and other.known.is_seen_from(item.heading_deg)
            and not any(is_same_pass(item, theirs) for theirs in other.seen)
        )

    def _told_both(self, one: _Side, other: _Side) -> float:
        """What it weighs that passes told both: of one thing, the weaker would be a false alarm."""
        return sum(
            min(self._rates(mine, one).log_ratio_seen, self._rates(theirs, other).log_ratio_seen)
            for mine in one.seen
            for theirs in other.seen
            if is_same_pass(mine, theirs)
        )

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
