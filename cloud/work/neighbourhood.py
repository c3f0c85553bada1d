"""The findings of one place while a batch is being taken into account."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from psycopg import Connection

from cloud.findings import evidence, repository
from cloud.findings.associate import Known, associate
from cloud.findings.catalogue import Catalogue
from cloud.findings.fuse import fuse
from cloud.findings.geometry import metres_between, sigma_m
from cloud.findings.model import Fused, Look, Observation
from cloud.findings.passes import PASS_GAP, bursts_of, is_same_pass
from cloud.findings.repository import StoredFinding
from cloud.findings.visibility import Stretch, look_at, reach_of
from cloud.observations.tables import cell_of
from cloud.work.place import cells_around
from wire.envelope import make_id

MOVED_M: Final = 0.5  # a finding that moved farther is looked at anew by all stretches
MIN_SHARE: Final = 0.005


@dataclass(slots=True, kw_only=True)
class Thing:
    """A finding of this place, as it is at this point of the batch."""

    id: UUID
    city: str
    known: Known
    looked_lon: float
    looked_lat: float
    looked_since: datetime | None
    observations: list[Observation] | None = None  # loaded when needed
    seen_now: list[Observation] = field(default_factory=list[Observation])

    def needs_new_looks(self, since: datetime) -> bool:
        """Whether its looks are of another place or of a shorter time."""
        moved = metres_between(
            lon=self.known.lon, lat=self.known.lat, origin_lon=self.looked_lon, origin_lat=self.looked_lat
        )
        return self.looked_since is None or since < self.looked_since or float(np.hypot(*moved)) > MOVED_M

    def look_from(self, stretch: Stretch) -> Look:
        """What a stretch is worth as a look at it."""
        known = self.known
        return look_at(stretch, lon=known.lon, lat=known.lat, sigma_m=sigma_m(known.covariance))


class Neighbourhood:
    """Matches observations with findings and keeps what they are based on."""

    def __init__(
        self, connection: Connection[Any], cells: Sequence[str], *, catalogue: Catalogue, at: datetime
    ) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._at = at
        found = repository.read_findings_in(connection, cells)
        self._things = {stored.id: _thing_of(stored) for stored in found}
        self.touched: set[UUID] = set()

    def take_observations(self, observations: Sequence[Observation]) -> None:
        """Match, pass by pass in order of time, and link each observation to its finding."""
        known = [item for item in observations if self._catalogue.group_of(item.class_code) is not None]
        if not known:
            return
        linked = evidence.read_linked_of_buses(self._connection, self._things, known, around=2 * PASS_GAP)
        for finding_id, earlier in linked.items():
            self._things[finding_id].seen_now.extend(earlier)
        for burst in bursts_of(known):
            self._take_burst(burst)

    def take_stretches(self, stretches: Sequence[Stretch]) -> None:
        """Note for each finding how well it could be seen from these stretches."""
        looks = _looks(self._things.values(), stretches)
        repository.add_looks(self._connection, looks)
        self.touched.update(finding_id for finding_id, _ in looks)

    def settle(self) -> dict[UUID, Fused]:
        """Fuse every finding that was touched, write it, and tell which ones are different now."""
        self._load_observations(self.touched)
        for finding_id in sorted(self.touched):
            self._look_again_if_moved(self._things[finding_id])
        looks = evidence.read_looks(self._connection, self.touched)
        changed: dict[UUID, Fused] = {}
        for finding_id in sorted(self.touched):
            fused = self._fuse(self._things[finding_id], looks.get(finding_id, []))
            if fused is not None and self._write(self._things[finding_id], fused):
                changed[finding_id] = fused
        return changed

    def _take_burst(self, burst: list[Observation]) -> None:
        known = [self._known(thing, burst) for thing in self._things.values() if thing.city == burst[0].city]
        for match in associate(burst, known, catalogue=self._catalogue):
            if match.finding_id is None:
                self._begin(match.observations)
            else:
                self._add(self._things[UUID(match.finding_id)], match.observations)

    def _known(self, thing: Thing, burst: list[Observation]) -> Known:
        """The finding, with what this very pass already said of it."""
        seen = tuple(item for item in thing.seen_now if any(is_same_pass(item, other) for other in burst))
        return replace(thing.known, seen_by_pass=seen) if seen else thing.known

    def _begin(self, observations: tuple[Observation, ...]) -> None:
        fused = fuse(observations, [], catalogue=self._catalogue)
        finding_id = UUID(make_id(self._at))
        city = observations[0].city
        repository.insert_finding(
            self._connection, finding_id, fused, city=city, cell=cell_of(lon=fused.lon, lat=fused.lat)
        )
        self._things[finding_id] = Thing(
            id=finding_id,
            city=city,
            known=_known_of(finding_id, fused),
            looked_lon=fused.lon,
            looked_lat=fused.lat,
            looked_since=None,
        )
        self._link(self._things[finding_id], observations)

    def _add(self, thing: Thing, observations: tuple[Observation, ...]) -> None:
        self._load_observations([thing.id])
        self._link(thing, observations)
        fused = self._fuse(thing, [])
        if fused is not None:
            thing.known = _known_of(thing.id, fused)

    def _link(self, thing: Thing, observations: tuple[Observation, ...]) -> None:
        repository.link_observations(self._connection, thing.id, observations)
        thing.observations = [*(thing.observations or []), *observations]
        thing.seen_now.extend(observations)
        self.touched.add(thing.id)

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
        lon, lat = thing.known.lon, thing.known.lat
        cells = cells_around(cell_of(lon=lon, lat=lat))
        stretches = evidence.read_stretches_around(self._connection, cells, since=since)
        looks = [look for _, look in _looks([thing], stretches)]
        repository.replace_looks(self._connection, thing.id, looks, lon=lon, lat=lat, since=since)

    def _fuse(self, thing: Thing, looks: Sequence[Look]) -> Fused | None:
        """Fuse; nothing when the county took all its classes out of the catalogue."""
        observations = [
            item for item in thing.observations or [] if self._catalogue.group_of(item.class_code) is not None
        ]
        return fuse(observations, looks, catalogue=self._catalogue) if observations else None

    def _write(self, thing: Thing, fused: Fused) -> bool:
        is_different = repository.write_passes(self._connection, thing.id, fused.passes)
        if is_different:
            cell = cell_of(lon=fused.lon, lat=fused.lat)
            repository.update_finding(self._connection, thing.id, fused, cell=cell)
        return is_different


def _looks(things: Iterable[Thing], stretches: Iterable[Stretch]) -> list[tuple[UUID, Look]]:
    """Every look worth noting of these stretches at these findings."""
    waiting = list(things)
    looks: list[tuple[UUID, Look]] = []
    for stretch in stretches:
        reach = reach_of(stretch)
        near = (
            thing
            for thing in waiting
            if thing.city == stretch.city and reach.holds(lon=thing.known.lon, lat=thing.known.lat)
        )
        looks.extend((thing.id, look) for thing in near if (look := thing.look_from(stretch)).share >= MIN_SHARE)
    return looks


def _thing_of(stored: StoredFinding) -> Thing:
    known = Known(
        id=str(stored.id),
        class_code=stored.class_code,
        lon=stored.lon,
        lat=stored.lat,
        covariance=stored.covariance,
        heading_deg=stored.heading_deg,
    )
    return Thing(
        id=stored.id,
        city=stored.city,
        known=known,
        looked_lon=stored.looked_lon,
        looked_lat=stored.looked_lat,
        looked_since=stored.looked_since,
    )


def _known_of(finding_id: UUID, fused: Fused) -> Known:
    return Known(
        id=str(finding_id),
        class_code=fused.class_code,
        lon=fused.lon,
        lat=fused.lat,
        covariance=fused.covariance,
        heading_deg=fused.heading_deg,
    )
