"""All sightings that hang together with some: what has to be grouped anew when these come."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.errors import PlaceBusyError
from cloud.findings import evidence, repository
from cloud.findings.associate import MAX_REACH_M
from cloud.findings.catalogue import Catalogue
from cloud.findings.cluster import are_linked
from cloud.findings.model import Observation
from cloud.findings.repository import StoredFinding
from cloud.findings.squares import Squares
from cloud.work.place import cells_around, lat_of_cell, try_lock_cells

SCATTER_M: Final = 40.0  # from a finding to its farthest sighting that still links it to others
MAX_MORE_CELLS: Final = 200  # about 20 square kilometres; what hangs together beyond is left as it is

Group = tuple[Observation, ...]


@dataclass(frozen=True, kw_only=True)
class Component:
    """Sightings of one city to be grouped, and to which finding they belonged so far."""

    city: str
    observations: list[Observation]
    finding_of: dict[str, UUID]

    @property
    def findings(self) -> set[UUID]:
        """Findings whose sightings these are."""
        return set(self.finding_of.values())

    def divided(self, groups: Sequence[Group]) -> list[int]:
        """Numbers of the groups that share a finding's sightings with another group."""
        shares = [self._shares(group) for group in groups]
        holders = Counter(finding_id for each in shares for finding_id in each)
        return [number for number, each in enumerate(shares) if any(holders[finding_id] > 1 for finding_id in each)]

    def owners(self, groups: Sequence[Group], *, homes: Mapping[int, UUID]) -> list[UUID | None]:
        """For each group the finding that it goes on (none: a new one, or one that comes back).

        A group with a home (the finding that it was before a merge that somebody took back) goes home; the others go to
        who shares most sightings, the older first.
        """
        shared = [
            (-count, finding_id, number)
            for number, group in enumerate(groups)
            for finding_id, count in self._shares(group).items()
        ]
        owners, owning, known = dict(homes), set(homes.values()), self.findings
        for _, finding_id, number in sorted(shared):
            if number not in owners and finding_id not in owning:
                owners[number] = finding_id
                owning.add(finding_id)
        return [owner if (owner := owners.get(number)) in known else None for number in range(len(groups))]

    def heir_of(self, finding_id: UUID, groups: Sequence[Group]) -> int:
        """Number of the group that took most sightings of a finding over."""
        return max(range(len(groups)), key=lambda number: (self._shares(groups[number])[finding_id], -number))

    def is_as_before(self, finding_id: UUID, group: Group) -> bool:
        """Whether a finding has just the sightings that it had, where they were."""
        is_same = self._sightings_of.get(finding_id) == {item.id for item in group}
        return is_same and all(self.holds(finding_id, item) for item in group)

    def holds(self, finding_id: UUID, item: Observation) -> bool:
        """Whether a sighting is of this finding already, and as it was."""
        return self.finding_of.get(item.id) == finding_id and self._before[item.id] == item

    @cached_property
    def _sightings_of(self) -> dict[UUID, set[str]]:
        sightings: dict[UUID, set[str]] = {}
        for name, owner in self.finding_of.items():
            sightings.setdefault(owner, set()).add(name)
        return sightings

    @cached_property
    def _before(self) -> dict[str, Observation]:
        return {item.id: item for item in self.observations}

    def _shares(self, group: Group) -> Counter[UUID]:
        return Counter(owner for item in group if (owner := self.finding_of.get(item.id)) is not None)


class Ground:
    """The cells that this transaction holds, with the findings in them."""

    def __init__(self, connection: Connection[Any], cells: Sequence[str], *, catalogue: Catalogue) -> None:
        """Read the findings of cells that are locked already."""
        self._connection, self._catalogue = connection, catalogue
        self.cells = sorted(cells)
        self.findings: dict[UUID, StoredFinding] = {}
        self._lat = lat_of_cell(self.cells[0])
        self._squares = Squares[StoredFinding](reach_m=MAX_REACH_M + SCATTER_M, lat=self._lat)
        self._note(repository.read_findings_in(connection, self.cells))
        self._most_cells = len(self.cells) + MAX_MORE_CELLS
        self._whole: set[str] = set()  # cells whose neighbours are held too

    def city_of(self, finding_id: UUID) -> str:
        """City of a finding here, or of one that is not here: none."""
        found = self.findings.get(finding_id)
        return found.city if found else ""

    def component(self, city: str, new: Sequence[Observation], *, again: Iterable[UUID]) -> Component:
        """Collect all sightings that hang together with new ones, and with those of findings to be seen again.

        Raises:
            PlaceBusyError: some of them lie where another worker is.
        """
        pool, owner = {item.id: item for item in new}, dict[str, UUID]()
        frontier: list[Observation] = list(new)
        loaded: dict[UUID, list[Observation]] = {}
        taken: set[UUID] = set()
        wanted: set[UUID] = {each for each in again if self.city_of(each) == city}
        while frontier or wanted:
            near = self._near(city, frontier) | wanted
            loaded |= self._load(near - loaded.keys())
            places = self._places_of(frontier)
            linked = wanted | {each for each in near - taken if self._are_linked(loaded[each], places)}
            wanted, frontier = set[UUID](), []
            for finding_id in sorted(linked - taken):
                taken.add(finding_id)
                self._hold_around(self.findings[finding_id].cell)
                frontier.extend(loaded[finding_id])
                owner |= {item.id: finding_id for item in loaded[finding_id]}
                pool |= {item.id: item for item in loaded[finding_id]}
        return Component(city=city, observations=list(pool.values()), finding_of=owner)

    def _near(self, city: str, observations: Sequence[Observation]) -> set[UUID]:
        return {
            found.id
            for item in observations
            for found in self._squares.near(lon=item.lon, lat=item.lat)
            if found.city == city
        }

    def _load(self, finding_ids: Iterable[UUID]) -> dict[UUID, list[Observation]]:
        wanted = list(finding_ids)
        linked = evidence.read_linked(self._connection, wanted, decided_in=self.cells) if wanted else {}
        return {
            each: [item for item in linked.get(each, []) if self._catalogue.group_of(item.class_code) is not None]
            for each in wanted
        }

    def _places_of(self, observations: Iterable[Observation]) -> Squares[Observation]:
        places = Squares[Observation](reach_m=MAX_REACH_M, lat=self._lat)
        for item in observations:
            places.add(item, lon=item.lon, lat=item.lat)
        return places

    def _are_linked(self, some: Iterable[Observation], others: Squares[Observation]) -> bool:
        return any(
            are_linked(other, one, catalogue=self._catalogue)
            for one in some
            for other in others.near(lon=one.lon, lat=one.lat)
        )

    def _hold_around(self, cell: str) -> None:
        """Take the neighbours of a cell too: what lies there may hang together with what lies here."""
        if cell in self._whole or len(self.cells) > self._most_cells:
            return
        self._whole.add(cell)
        more = [each for each in cells_around(cell) if each not in self.cells]
        if not more:
            return
        wanted = sorted([*self.cells, *more])
        if not try_lock_cells(self._connection, more):
            raise PlaceBusyError(wanted)
        self.cells = wanted
        self._note(repository.read_findings_in(self._connection, more))

    def _note(self, findings: Iterable[StoredFinding]) -> None:
        for found in findings:
            self.findings[found.id] = found
            self._squares.add(found, lon=found.lon, lat=found.lat)
