"""The findings of one place while a batch is being taken into account."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from psycopg import Connection

from cloud.findings import evidence, repository
from cloud.findings.catalogue import Catalogue
from cloud.findings.cluster import clusters_of
from cloud.findings.decided import BeforeMerge, read_before_merge, read_decisions
from cloud.findings.evidence import Around
from cloud.findings.fuse import fuse
from cloud.findings.geometry import metres_between, sigma_m
from cloud.findings.model import Covariance, Fused, Look, Observation
from cloud.findings.passes import PASS_GAP
from cloud.findings.rates import RateBook
from cloud.findings.repository import LookedFrom, NewFinding, StoredFinding, Weighed
from cloud.findings.visibility import Stretch, look_at, reach_of
from cloud.observations.tables import cell_of
from cloud.work.component import Component, Ground, Group
from cloud.work.place import cells_around
from wire.envelope import make_id

MOVED_M: Final = 0.5  # a finding that moved farther is looked at anew by all stretches
MIN_SHARE: Final = 0.005
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Thing:
    """A finding of this place, as it is at this point of the batch."""

    id: UUID
    city: str
    class_code: str
    lon: float
    lat: float
    covariance: Covariance
    heading_deg: float
    looked_lon: float
    looked_lat: float
    looked_since: datetime | None
    observations: list[Observation] | None = None  # loaded when needed

    def needs_new_looks(self, since: datetime) -> bool:
        """Whether its looks are of another place or of a shorter time."""
        moved = metres_between(lon=self.lon, lat=self.lat, origin_lon=self.looked_lon, origin_lat=self.looked_lat)
        return self.looked_since is None or since < self.looked_since or float(np.hypot(*moved)) > MOVED_M

    def look_from(self, stretch: Stretch) -> Look:
        """What a stretch is worth as a look at it."""
        return look_at(
            stretch, lon=self.lon, lat=self.lat, sigma_m=sigma_m(self.covariance), heading_deg=self.heading_deg
        )

    def take(self, fused: Fused) -> None:
        """Stand where its sightings put it."""
        self.lon, self.lat, self.covariance = fused.lon, fused.lat, fused.covariance
        self.class_code, self.heading_deg = fused.class_code, fused.heading_deg


class Neighbourhood:
    """Groups observations into findings and keeps what they are based on."""

    def __init__(
        self,
        connection: Connection[Any],
        cells: Sequence[str],
        *,
        catalogue: Catalogue,
        book: RateBook,
        at: datetime,
        of_things: bool = False,
    ) -> None:
        """Read what is known of a place: damage of the road, or (in the inventory's schema) things beside it."""
        self._connection, self._catalogue, self._book, self._at = connection, catalogue, book, at
        self._of_things = of_things
        self._ground = Ground(connection, cells, catalogue=catalogue)
        self._things: dict[UUID, Thing] = {}
        self._note_things()
        self.touched: set[UUID] = set()
        self._merged: set[UUID] = set()
        self._new: list[NewFinding] = []  # to be written
        self._links: list[tuple[UUID, Observation]] = []

    def take_observations(self, observations: Sequence[Observation], *, again: Sequence[UUID] = ()) -> None:
        """Group new observations with all they may belong to, and findings that somebody wants to be seen `again`.

        Raises:
            PlaceBusyError: they reach into a place where another worker is.
        """
        known = [item for item in observations if self._catalogue.group_of(item.class_code) is not None]
        cities = {item.city for item in known} | {self._ground.city_of(each) for each in again}
        for city in sorted(cities - {""}):
            new = [item for item in known if item.city == city]
            component = self._ground.component(city, new, again=again)
            self._note_things()
            self._regroup(component)

    def take_stretches(self, stretches: Sequence[Stretch]) -> None:
        """Note for each finding how well it could be seen from these stretches."""
        looks = _looks(self._things.values(), stretches)
        repository.add_looks(self._connection, looks)
        self.touched.update(finding_id for finding_id, _ in looks)

    def settle(self) -> set[UUID]:
        """Fuse every finding that was touched, write it, and tell which ones are different now."""
        self._load_observations(self.touched)
        things = [self._things[finding_id] for finding_id in sorted(self.touched)]
        self._look_again(things)
        looks = evidence.read_looks(self._connection, self.touched)
        fused = {thing.id: each for thing in things if (each := self._fuse(thing, looks.get(thing.id, []))) is not None}
        weighed = [
            _weighed(thing, fused[thing.id], looks=looks.get(thing.id, [])) for thing in things if thing.id in fused
        ]
        changed = repository.write_passes(self._connection, weighed)
        repository.update_findings(self._connection, {each: fused[each] for each in sorted(changed)})
        return changed | self._merged

    def _note_things(self) -> None:
        for stored in self._ground.findings.values():
            if stored.id not in self._things:
                self._things[stored.id] = _thing_of(stored)

    def _regroup(self, component: Component) -> None:
        decisions = read_decisions(self._connection, self._ground.cells)
        groups = clusters_of(component.observations, catalogue=self._catalogue, decisions=decisions, book=self._book)
        city, names = component.city, [item.id for item in component.observations]
        before = read_before_merge(self._connection, city=city, observations=names)
        known = component.owners(groups, homes=_homes(component, groups, before))
        owners = [self._take_group(component, group, owner, before) for group, owner in zip(groups, known, strict=True)]
        self._write_groups()
        for finding_id in sorted(component.findings - set(owners)):
            self._merge(finding_id, into=owners[component.heir_of(finding_id, groups)])

    def _take_group(self, component: Component, group: Group, owner: UUID | None, before: BeforeMerge) -> UUID:
        """Make a group a finding, or the finding that it goes on."""
        if owner is not None and component.is_as_before(owner, group):
            self._things[owner].observations = list(group)
            return owner
        fused = fuse(group, [], catalogue=self._catalogue, book=self._book)
        thing = self._things[owner] if owner is not None else self._begin(group, fused, before)
        thing.observations = list(group)
        thing.take(fused)
        self._links += [(thing.id, item) for item in group if not component.holds(thing.id, item)]
        self.touched.add(thing.id)
        return thing.id

    def _write_groups(self) -> None:
        repository.insert_findings(self._connection, self._new)
        repository.link_observations(self._connection, self._links)
        self._new, self._links = [], []

    def _begin(self, group: Group, fused: Fused, before: BeforeMerge) -> Thing:
        city, former = group[0].city, before.finding_of(item.id for item in group)
        former = None if former in self._things else former
        finding_id = former or UUID(make_id(self._at))
        if former is None:
            self._new.append(NewFinding(id=finding_id, city=city, fused=fused))
        self._things[finding_id] = Thing(
            id=finding_id,
            city=city,
            class_code=fused.class_code,
            lon=fused.lon,
            lat=fused.lat,
            covariance=fused.covariance,
            heading_deg=fused.heading_deg,
            looked_lon=fused.lon,
            looked_lat=fused.lat,
            looked_since=None,
        )
        return self._things[finding_id]

    def _merge(self, finding_id: UUID, *, into: UUID) -> None:
        repository.mark_merged(self._connection, finding_id, into=into)
        del self._things[finding_id]
        self.touched.discard(finding_id)
        self._merged.add(finding_id)

    def _load_observations(self, finding_ids: Iterable[UUID]) -> None:
        missing = [finding_id for finding_id in finding_ids if self._things[finding_id].observations is None]
        if missing:
            linked = evidence.read_linked(self._connection, missing, decided_in=self._ground.cells)
            for finding_id in missing:
                self._things[finding_id].observations = linked.get(finding_id, [])

    def _look_again(self, things: Iterable[Thing]) -> None:
        """Look anew at what moved, from all stretches around; those in one cell share them."""
        since = {each.id: min(item.from_at for item in each.observations) for each in things if each.observations}
        moved: defaultdict[str, list[Thing]] = defaultdict(list)
        for thing in things:
            if thing.id in since and thing.needs_new_looks(since[thing.id]):
                moved[cell_of(lon=thing.lon, lat=thing.lat)].append(thing)
        if not moved:
            return
        places = {
            cell: Around(cells=cells_around(cell), since=min(since[thing.id] for thing in some))
            for cell, some in moved.items()
        }
        stretches = evidence.read_stretches_around(self._connection, places, of_things=self._of_things)
        looks = [
            (each, look)
            for cell, some in moved.items()
            for each, look in _looks(some, stretches.get(cell, ()))
            if look.to_at >= since[each]
        ]
        looked = [
            LookedFrom(id=thing.id, lon=thing.lon, lat=thing.lat, since=since[thing.id])
            for some in moved.values()
            for thing in some
        ]
        repository.replace_looks(self._connection, looked, looks)

    def _fuse(self, thing: Thing, looks: Sequence[Look]) -> Fused | None:
        """Fuse; nothing when the county took all its classes out of the catalogue."""
        observations = [
            item for item in thing.observations or [] if self._catalogue.group_of(item.class_code) is not None
        ]
        return fuse(observations, looks, catalogue=self._catalogue, book=self._book) if observations else None


def _homes(component: Component, groups: Sequence[Group], before: BeforeMerge) -> dict[int, UUID]:
    """Of groups that a finding falls apart into, the findings that they were before a merge that was taken back."""
    homes: dict[int, UUID] = {}
    for number in component.divided(groups):
        home = before.finding_of(item.id for item in groups[number])
        if home is not None and home not in homes.values():
            homes[number] = home
    return homes


def _weighed(thing: Thing, fused: Fused, *, looks: Sequence[Look]) -> Weighed:
    seen_since = _known_since([item.at for item in thing.observations or []])
    missed_since = max(seen_since, _known_since([look.to_at for look in looks]))
    return Weighed(id=thing.id, passes=fused.passes, seen_since=seen_since, missed_since=missed_since)


def _known_since(times: Sequence[datetime]) -> datetime:
    """Since when all evidence of a kind is known: older one may have been left out of what was read."""
    return sorted(times)[-evidence.WINDOW] + PASS_GAP if len(times) >= evidence.WINDOW else _EVER


def _looks(things: Iterable[Thing], stretches: Iterable[Stretch]) -> list[tuple[UUID, Look]]:
    """Every look worth noting of these stretches at these findings."""
    southern = sorted(things, key=lambda thing: thing.lat)
    looks: list[tuple[UUID, Look]] = []
    for stretch in stretches:
        reach = reach_of(stretch)
        first = bisect_left(southern, reach.min_lat, key=lambda thing: thing.lat)
        last = bisect_right(southern, reach.max_lat, key=lambda thing: thing.lat)
        near = (
            thing
            for thing in southern[first:last]
            if thing.city == stretch.city
            and stretch.is_for(thing.class_code)
            and reach.holds(lon=thing.lon, lat=thing.lat)
        )
        looks.extend((thing.id, look) for thing in near if (look := thing.look_from(stretch)).share >= MIN_SHARE)
    return looks


def _thing_of(stored: StoredFinding) -> Thing:
    return Thing(
        id=stored.id,
        city=stored.city,
        class_code=stored.class_code,
        lon=stored.lon,
        lat=stored.lat,
        covariance=stored.covariance,
        heading_deg=stored.heading_deg,
        looked_lon=stored.looked_lon,
        looked_lat=stored.looked_lat,
        looked_since=stored.looked_since,
    )
