"""Which observations are of one thing: a pure function of the set of observations and of what people decided.

All passes are replayed in order of time, so that it does not matter when a message came; first by the places as told,
then again without the error that each pass is found to share (`shared`). Observations that no rule can bring together
are replayed apart (`components_of`): the result for one place does not depend on what happens elsewhere.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cloud.findings.align import align
from cloud.findings.associate import MAX_REACH_M, associate, is_one_thing
from cloud.findings.catalogue import Catalogue
from cloud.findings.decisions import NOTHING_DECIDED, Decisions
from cloud.findings.geometry import mahalanobis_2, offset_m
from cloud.findings.growing import Growing, spread_of_pass
from cloud.findings.join import join
from cloud.findings.model import Observation
from cloud.findings.passes import bursts_of
from cloud.findings.rates import ASSUMED, RateBook
from cloud.findings.shared import with_shared, without_shared
from cloud.findings.squares import Squares

ROUNDS: Final = 2  # of finding what each pass shares, and grouping without it
LINK: Final = 25.0  # squared distance in sigmas of two sightings beyond which nothing brings them together directly

Group = tuple[Observation, ...]


def clusters_of(
    observations: Iterable[Observation],
    *,
    catalogue: Catalogue,
    decisions: Decisions = NOTHING_DECIDED,
    book: RateBook = ASSUMED,
) -> list[Group]:
    """Group observations (of one city, of classes that the catalogue knows) by the thing they are of.

    Each group and the list are in order of time; the observations tell what their pass shares (`shared`).
    """
    grouping = _Grouping(catalogue=catalogue, decisions=decisions, book=book)
    groups = [
        group
        for component in components_of(observations, catalogue=catalogue, decisions=decisions)
        for group in grouping.groups_of(component)
    ]
    return sorted((tuple(sorted(group, key=by_time)) for group in groups), key=lambda group: by_time(group[0]))


def components_of(
    observations: Iterable[Observation], *, catalogue: Catalogue, decisions: Decisions = NOTHING_DECIDED
) -> list[list[Observation]]:
    """Split observations into parts that have nothing to do with each other, each in order of time."""
    ordered = sorted(observations, key=by_time)
    parents = list(range(len(ordered)))
    for first, second in _near_pairs(ordered):
        roots = _root(parents, first), _root(parents, second)
        if roots[0] != roots[1] and are_linked(ordered[first], ordered[second], catalogue=catalogue):
            parents[roots[0]] = roots[1]
    places = {item.id: place for place, item in enumerate(ordered)}
    for group in decisions.together:
        known = [places[name] for name in group if name in places]
        for other in known[1:]:
            parents[_root(parents, known[0])] = _root(parents, other)
    components: dict[int, list[Observation]] = {}
    for place, item in enumerate(ordered):
        components.setdefault(_root(parents, place), []).append(item)
    return list(components.values())


def are_linked(first: Observation, second: Observation, *, catalogue: Catalogue) -> bool:
    """Whether two sightings may, directly, be of one thing."""
    if catalogue.group_of(first.class_code) != catalogue.group_of(second.class_code):
        return False
    east_m, north_m = offset_m(lon=first.lon, lat=first.lat, origin_lon=second.lon, origin_lat=second.lat)
    if math.hypot(east_m, north_m) > MAX_REACH_M:
        return False
    is_close = mahalanobis_2(east_m, north_m, spread_of_pass(first), spread_of_pass(second)) <= LINK
    return is_close or is_one_thing(first, second, catalogue)


def by_time(item: Observation) -> tuple[object, ...]:
    """Order in which passes are replayed."""
    return item.from_at, item.device, item.id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grouping:
    """By what sightings that may hang together are grouped."""

    catalogue: Catalogue
    decisions: Decisions
    book: RateBook

    def groups_of(self, component: Sequence[Observation]) -> list[Group]:
        """Group by places as the receivers told them; then again without what each pass shares, as that shows."""
        known = {item.id: replace(item, shift_east_m=0.0, shift_north_m=0.0, left_m=None) for item in component}
        groups = self._replay(list(known.values()), is_raw=True)
        for _ in range(ROUNDS if len(groups) > 1 else 0):  # what is alone shares nothing with neighbours
            known = with_shared([[known[item.id] for item in group] for group in groups])
            placed = sorted((without_shared(item) for item in known.values()), key=by_time)
            groups = self._replay(placed, is_raw=False)
        return [tuple(known[item.id] for item in group) for group in groups]

    def _replay(self, observations: Sequence[Observation], *, is_raw: bool) -> list[Group]:
        growing: list[Growing] = []
        for burst in bursts_of(observations):
            known = [item.known(burst, decisions=self.decisions) for item in growing if item.is_near(burst)]
            aligned = align(burst, known, catalogue=self.catalogue) if is_raw else burst
            original = {item.id: item for item in burst}
            for match in associate(aligned, known, catalogue=self.catalogue, decisions=self.decisions):
                _grow(growing, match.finding_id, tuple(original[item.id] for item in match.observations))
        joined = join(growing, catalogue=self.catalogue, decisions=self.decisions, book=self.book)
        return [item.observations for item in joined]


def _grow(growing: list[Growing], number: str | None, thing: Group) -> None:
    if number is None:
        growing.append(Growing(len(growing), thing))
    else:
        growing[int(number)].take(thing)


def _near_pairs(ordered: Sequence[Observation]) -> Iterator[tuple[int, int]]:
    """Pairs in squares that touch: no others are within reach."""
    if not ordered:
        return
    squares = Squares[int](reach_m=MAX_REACH_M, lat=ordered[0].lat)
    for place, item in enumerate(ordered):
        for other in squares.near(lon=item.lon, lat=item.lat):
            yield other, place
        squares.add(place, lon=item.lon, lat=item.lat)


def _root(parents: list[int], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
