"""Joining findings that began apart: because a person said so, or because a bad position hid that they are one."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Final

from cloud.findings.associate import MAX_REACH_M, Known
from cloud.findings.catalogue import Catalogue
from cloud.findings.decisions import NOTHING_DECIDED, Decisions
from cloud.findings.geometry import mahalanobis_2, offset_m
from cloud.findings.growing import Growing
from cloud.findings.passes import is_same_pass

HALF_PASSES: Final = 4  # of each half
TOGETHER_SHARE: Final = 0.4  # of passes that saw both all the same: a false alarm was near that day; two are seen more

Pair = tuple[float, int, int]  # squared distance, numbers of the findings


def join(growing: Sequence[Growing], *, catalogue: Catalogue, decisions: Decisions = NOTHING_DECIDED) -> list[Growing]:
    """Join what is one, nearest first; two things that one pass saw at once are two."""
    groups = {item.number: item for item in growing}
    _join_decided(groups, decisions)
    known = {number: item.known(decisions=decisions) for number, item in groups.items()}
    pairs: set[Pair] = {
        pair
        for first, second in combinations(sorted(groups), 2)
        if (pair := _pair(groups[first], groups[second], known, catalogue)) is not None
    }
    while pairs:
        _, first, second = min(pairs)
        _put_together(groups, first, second)
        known[first] = groups[first].known(decisions=decisions)
        again = [_pair(groups[first], groups[other], known, catalogue) for other in groups if other != first]
        kept = [pair for pair in pairs if not {pair[1], pair[2]} & {first, second}]
        pairs = {*kept, *(pair for pair in again if pair is not None)}
    return list(groups.values())


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


def _pair(one: Growing, other: Growing, known: dict[int, Known], catalogue: Catalogue) -> Pair | None:
    """Two findings that may be one; none when they are two."""
    first, second = sorted((one, other), key=lambda item: item.number)
    mine, theirs = known[first.number], known[second.number]
    if not _may_be_one(mine, theirs, catalogue):
        return None
    distance = _distance_2(mine, theirs, catalogue)
    together = _seen_together(first, second)
    gate = _gate(mine, theirs, catalogue)
    if not (together == 0 and distance <= gate) and not _are_halves(first, second, distance, together, catalogue):
        return None
    if any(item.id in mine.never for item in second.observations):
        return None
    return distance, first.number, second.number


def _are_halves(first: Growing, second: Growing, distance: float, together: int, catalogue: Catalogue) -> bool:
    """Whether two findings are the two sides of one whose sightings scatter: many passes saw one or the other."""
    fewer = min(len(first.things), len(second.things))
    if fewer < HALF_PASSES or together > TOGETHER_SHARE * fewer:
        return False
    # Halves of a scatter of one sigma lie 1.6 sigma apart, however many passes they are made of.
    return distance / fewer <= catalogue.association.gate_halves


def _may_be_one(first: Known, second: Known, catalogue: Catalogue) -> bool:
    if catalogue.group_of(first.class_code) != catalogue.group_of(second.class_code):
        return False
    return math.hypot(*_offset(first, second)) <= MAX_REACH_M


def _distance_2(first: Known, second: Known, catalogue: Catalogue) -> float:
    distance = mahalanobis_2(*_offset(first, second), first.covariance, second.covariance)
    return distance + catalogue.class_penalty(first.class_code, second.class_code)


def _offset(first: Known, second: Known) -> tuple[float, float]:
    return offset_m(lon=first.lon, lat=first.lat, origin_lon=second.lon, origin_lat=second.lat)


def _gate(first: Known, second: Known, catalogue: Catalogue) -> float:
    rules = catalogue.association
    headings = (second.heading_deg, *second.other_headings_deg)
    return rules.gate if any(first.is_seen_from(heading) for heading in headings) else rules.gate_opposite


def _seen_together(first: Growing, second: Growing) -> int:
    """Number of passes that saw both."""
    devices = {thing[0].device for thing in first.things}
    return sum(
        any(is_same_pass(mine[0], theirs[0]) for mine in first.things)
        for theirs in second.things
        if theirs[0].device in devices
    )
