"""The findings of a year, in memory, by the cloud's own rules.

Each pass is matched as it comes (`align`, `associate`), what lies side by side is joined once a week (`join`), and
what a pass touched is weighed anew (`fuse`) from its newest sightings and looks, at the end of the day. What the worker
does besides, and this does not: grouping all of a place anew without what each pass shares of the receiver's error
(`shared`).
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from cloud.findings.align import align
from cloud.findings.associate import associate
from cloud.findings.catalogue import Catalogue
from cloud.findings.decisions import NOTHING_DECIDED
from cloud.findings.fuse import fuse
from cloud.findings.geometry import sigma_m
from cloud.findings.growing import Growing
from cloud.findings.join import join
from cloud.findings.model import FindingState, Fused, Look, Observation
from cloud.findings.passes import bursts_of
from cloud.findings.rates import RateBook
from cloud.findings.visibility import Stretch, look_at, reach_of
from cloud.roads.plane import metres_per_degree

WINDOW: Final = 60  # newest sightings and looks of a finding; the worker reads 200
MIN_SHARE: Final = 0.005
SQUARE_M: Final = 150.0
GONE_AFTER: Final = timedelta(days=14)  # a finding that is gone and has no case is forgotten
JOIN_WITHIN_M: Final = 25.0


@dataclass(slots=True, kw_only=True, eq=False)
class Finding:
    """One thing in the world, as the sightings so far have it."""

    growing: Growing
    fused: Fused
    square: tuple[int, int]  # in which it is looked for, whatever it takes in
    looks: deque[Look] = field(default_factory=lambda: deque[Look](maxlen=WINDOW))
    has_case: bool = False
    merged_into: "Finding | None" = None

    @property
    def number(self) -> int:
        return self.growing.number


class Findings:
    """All findings of a county."""

    def __init__(self, *, catalogue: Catalogue, book: RateBook, lat: float) -> None:
        self._catalogue, self._book = catalogue, book
        east_m, north_m = metres_per_degree(lat)
        self._per_lon, self._per_lat = east_m / SQUARE_M, north_m / SQUARE_M
        self._squares: defaultdict[tuple[int, int], dict[int, Finding]] = defaultdict(dict)
        self.all: dict[int, Finding] = {}
        self._count = 0

    def take(self, observations: Sequence[Observation], stretches: Sequence[Stretch]) -> set[Finding]:
        """Let a day take effect; returns what it touched."""
        touched: set[Finding] = set()
        for burst in bursts_of(observations):
            touched |= self._take_burst(burst)
        sighted = set(touched)
        touched |= self._look(stretches)
        for finding in touched:
            if finding in sighted or finding.fused.state is not FindingState.GONE:  # what is gone is not more so unseen
                self._weigh(finding)
        return touched

    def join(self) -> list[tuple[Finding, Finding]]:
        """Join what is rather one than two; returns which became which."""
        joined: list[tuple[Finding, Finding]] = []
        alive = [finding for finding in self.all.values() if finding.fused.state is not FindingState.GONE]
        for component in self._components(alive):
            groups = join([each.growing for each in component], catalogue=self._catalogue, book=self._book)
            joined += self._settle(component, groups)
        return joined

    def forget(self, now: datetime) -> None:
        """Forget what is gone and never was a case."""
        for finding in list(self.all.values()):
            is_gone = finding.fused.state is FindingState.GONE and finding.fused.last_seen_at < now - GONE_AFTER
            if is_gone and not finding.has_case:
                self._remove(finding)

    def _take_burst(self, burst: Sequence[Observation]) -> set[Finding]:
        near = {finding.number: finding for item in burst for finding in self._near(item.lon, item.lat)}
        known = [
            finding.growing.known(burst, decisions=NOTHING_DECIDED)
            for finding in near.values()
            if finding.growing.is_near(burst)
        ]
        aligned = align(burst, known, catalogue=self._catalogue)
        original = {item.id: item for item in burst}
        touched: set[Finding] = set()
        for match in associate(aligned, known, catalogue=self._catalogue):
            thing = tuple(original[item.id] for item in match.observations)
            if match.finding_id is None:
                touched.add(self._begin(thing))
            else:
                near[int(match.finding_id)].growing.take(thing)
                touched.add(near[int(match.finding_id)])
        return touched

    def _begin(self, thing: tuple[Observation, ...]) -> Finding:
        self._count += 1
        fused = fuse(thing, [], catalogue=self._catalogue, book=self._book)
        square = self._square(thing[0].lon, thing[0].lat)
        finding = Finding(growing=Growing(self._count, thing), fused=fused, square=square)
        self.all[self._count] = finding
        self._squares[square][self._count] = finding
        return finding

    def _remove(self, finding: Finding) -> None:
        del self.all[finding.number]
        del self._squares[finding.square][finding.number]

    def _look(self, stretches: Iterable[Stretch]) -> set[Finding]:
        touched: set[Finding] = set()
        for stretch in stretches:
            reach = reach_of(stretch)
            middle = stretch.line[len(stretch.line) // 2]
            for finding in self._near(middle[0], middle[1]):
                fused = finding.fused
                if not reach.holds(lon=fused.lon, lat=fused.lat) or stretch.to_at < fused.first_seen_at:
                    continue
                look = look_at(
                    stretch,
                    lon=fused.lon,
                    lat=fused.lat,
                    sigma_m=sigma_m(fused.covariance),
                    heading_deg=fused.heading_deg,
                )
                if look.share >= MIN_SHARE:
                    finding.looks.append(look)
                    touched.add(finding)
        return touched

    def _weigh(self, finding: Finding) -> None:
        seen = [item for thing in finding.growing.things[-WINDOW:] for item in thing]
        finding.fused = fuse(seen, list(finding.looks), catalogue=self._catalogue, book=self._book)

    def _near(self, lon: float, lat: float) -> Iterator[Finding]:
        column, row = self._square(lon, lat)
        for east in (-1, 0, 1):
            for north in (-1, 0, 1):
                yield from self._squares.get((column + east, row + north), {}).values()

    def _square(self, lon: float, lat: float) -> tuple[int, int]:
        return int(lon * self._per_lon // 1), int(lat * self._per_lat // 1)

    def _components(self, findings: Sequence[Finding]) -> Iterator[list[Finding]]:
        """Findings that hang together by short distances; those that are alone are left out."""
        waiting = {finding.number: finding for finding in findings}
        while waiting:
            component: list[Finding] = []
            edge = [waiting.popitem()[1]]
            while edge:
                here = edge.pop()
                component.append(here)
                near = [each for each in self._near(here.fused.lon, here.fused.lat) if each.number in waiting]
                close = [each for each in near if self._apart_m(here, each) <= JOIN_WITHIN_M]
                edge += [waiting.pop(each.number) for each in close]
            if len(component) > 1:
                yield component

    def _apart_m(self, one: Finding, other: Finding) -> float:
        east_m, north_m = metres_per_degree(one.fused.lat)
        return float(np.hypot((one.fused.lon - other.fused.lon) * east_m, (one.fused.lat - other.fused.lat) * north_m))

    def _settle(self, component: Sequence[Finding], groups: Sequence[Growing]) -> Iterator[tuple[Finding, Finding]]:
        """Keep the findings that are still there, and forget those that another took in."""
        by_number = {finding.number: finding for finding in component}
        home = {item.id: group.number for group in groups for item in group.observations}
        for group in groups:
            by_number[group.number].growing = group
        for finding in component:
            heir = by_number[home[finding.growing.observations[0].id]]
            if heir is not finding:
                heir.looks.extend(finding.looks)
                finding.merged_into = heir
                self._remove(finding)
                self._weigh(heir)
                yield finding, heir
