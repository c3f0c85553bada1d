"""The findings of one place while a batch is being taken into account."""

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
from cloud.findings.decided import finding_before_merge, read_decisions
from cloud.findings.fuse import fuse
from cloud.findings.geometry import metres_between, sigma_m
from cloud.findings.model import Covariance, Fused, Look, Observation
from cloud.findings.passes import PASS_GAP
from cloud.findings.rates import RateBook
from cloud.findings.repository import StoredFinding
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
        self.heading_deg = fused.heading_deg


class Neighbourhood:
    """Groups observations into findings and keeps what they are based on."""

    def __init__(
        self, connection: Connection[Any], cells: Sequence[str], *, catalogue: Catalogue, book: RateBook, at: datetime
    ) -> None:
        self._connection, self._catalogue, self._book, self._at = connection, catalogue, book, at
        self._ground = Ground(connection, cells, catalogue=catalogue)
        self._things: dict[UUID, Thing] = {}
        self._note_things()
        self.touched: set[UUID] = set()
        self._merged: set[UUID] = set()

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
        for finding_id in sorted(self.touched):
            self._look_again_if_moved(self._things[finding_id])
        looks = evidence.read_looks(self._connection, self.touched)
        changed = set(self._merged)
        for finding_id in sorted(self.touched):
            thing = self._things[finding_id]
            fused = self._fuse(thing, looks.get(finding_id, []))
            if fused is not None and self._write(thing, fused, looks=looks.get(finding_id, [])):
                changed.add(finding_id)
        return changed

    def _note_things(self) -> None:
        for stored in self._ground.findings.values():
            if stored.id not in self._things:
                self._things[stored.id] = _thing_of(stored)

    def _regroup(self, component: Component) -> None:
        decisions = read_decisions(self._connection, self._ground.cells)
        groups = clusters_of(component.observations, catalogue=self._catalogue, decisions=decisions, book=self._book)
        owners = [
            self._take_group(component, group, owner)
            for group, owner in zip(groups, component.owners(groups, homes=self._homes(component, groups)), strict=True)
        ]
        for finding_id in sorted(component.findings - set(owners)):
            self._merge(finding_id, into=owners[component.heir_of(finding_id, groups)])

    def _homes(self, component: Component, groups: Sequence[Group]) -> dict[int, UUID]:
        """Of groups that a finding falls apart into, the findings that they were before a merge that was taken back."""
        homes: dict[int, UUID] = {}
        for number in component.divided(groups):
            group = groups[number]
            home = finding_before_merge(self._connection, city=group[0].city, observations=[item.id for item in group])
            if home is not None and home not in homes.values():
                homes[number] = home
        return homes

    def _take_group(self, component: Component, group: Group, owner: UUID | None) -> UUID:
        """Make a group a finding, or the finding that it goes on."""
        if owner is not None and component.is_as_before(owner, group):
            self._things[owner].observations = list(group)
            return owner
        fused = fuse(group, [], catalogue=self._catalogue, book=self._book)
        thing = self._things[owner] if owner is not None else self._begin(group, fused)
        thing.observations = list(group)
        thing.take(fused)
        moved = [item for item in group if not component.holds(thing.id, item)]
        repository.link_observations(self._connection, thing.id, moved)
        self.touched.add(thing.id)
        return thing.id

    def _begin(self, group: Group, fused: Fused) -> Thing:
        city, cell = group[0].city, cell_of(lon=fused.lon, lat=fused.lat)
        before = finding_before_merge(self._connection, city=city, observations=[item.id for item in group])
        before = None if before in self._things else before
        finding_id = before or UUID(make_id(self._at))
        if before is None:
            repository.insert_finding(self._connection, finding_id, fused, city=city, cell=cell)
        self._things[finding_id] = Thing(
            id=finding_id,
            city=city,
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
            linked = evidence.read_linked(self._connection, missing)
            for finding_id in missing:
                self._things[finding_id].observations = linked.get(finding_id, [])

    def _look_again_if_moved(self, thing: Thing) -> None:
        if not thing.observations:
            return
        since = min(item.from_at for item in thing.observations)
        if not thing.needs_new_looks(since):
            return
        cells = cells_around(cell_of(lon=thing.lon, lat=thing.lat))
        stretches = evidence.read_stretches_around(self._connection, cells, since=since)
        looks = [look for _, look in _looks([thing], stretches)]
        repository.replace_looks(self._connection, thing.id, looks, lon=thing.lon, lat=thing.lat, since=since)

    def _fuse(self, thing: Thing, looks: Sequence[Look]) -> Fused | None:
        """Fuse; nothing when the county took all its classes out of the catalogue."""
        observations = [
            item for item in thing.observations or [] if self._catalogue.group_of(item.class_code) is not None
        ]
        return fuse(observations, looks, catalogue=self._catalogue, book=self._book) if observations else None

    def _write(self, thing: Thing, fused: Fused, *, looks: Sequence[Look]) -> bool:
        seen_since = _known_since([item.at for item in thing.observations or []])
        missed_since = max(seen_since, _known_since([look.to_at for look in looks]))
        is_different = repository.write_passes(
            self._connection, thing.id, fused.passes, seen_since=seen_since, missed_since=missed_since
        )
        if is_different:
            cell = cell_of(lon=fused.lon, lat=fused.lat)
            repository.update_finding(self._connection, thing.id, fused, cell=cell)
        return is_different


def _known_since(times: Sequence[datetime]) -> datetime:
    """Since when all evidence of a kind is known: older one may have been left out of what was read."""
    return min(times) + PASS_GAP if len(times) >= evidence.WINDOW else _EVER


def _looks(things: Iterable[Thing], stretches: Iterable[Stretch]) -> list[tuple[UUID, Look]]:
    """Every look worth noting of these stretches at these findings."""
    waiting = list(things)
    looks: list[tuple[UUID, Look]] = []
    for stretch in stretches:
        reach = reach_of(stretch)
        near = (thing for thing in waiting if thing.city == stretch.city and reach.holds(lon=thing.lon, lat=thing.lat))
        looks.extend((thing.id, look) for thing in near if (look := thing.look_from(stretch)).share >= MIN_SHARE)
    return looks


def _thing_of(stored: StoredFinding) -> Thing:
    return Thing(
        id=stored.id,
        city=stored.city,
        lon=stored.lon,
        lat=stored.lat,
        covariance=stored.covariance,
        heading_deg=stored.heading_deg,
        looked_lon=stored.looked_lon,
        looked_lat=stored.looked_lat,
        looked_since=stored.looked_since,
    )
