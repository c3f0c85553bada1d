"""Street furniture in the worker: what buses saw becomes an inventory, and what is the matter with it becomes cases."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

import numpy as np
from obstore.exceptions import BaseError
from psycopg import Connection

from cloud.cases.actions import CaseActions
from cloud.cases.handling import Handling
from cloud.cases.model import Actor, Role
from cloud.condition.evidence import FindingPlace, read_network
from cloud.condition.locate import locate_finding
from cloud.db.aside import Kind, do_apart
from cloud.errors import ConfigError
from cloud.findings.catalogue import Catalogue
from cloud.findings.error_models import read_rate_book
from cloud.findings.evidence import read_new_observations, read_stretches
from cloud.furniture import repository
from cloud.furniture.pictures import Read, compare_new
from cloud.furniture.repository import PassBy, ProblemFinding, ProblemPass, StoredThing
from cloud.furniture.schema import meaning_inventory
from cloud.pictures.store import PictureStore
from cloud.scenarios.street_furniture.assess import Assessment, Problem, ThingState, assess, damage_of
from cloud.scenarios.street_furniture.evidence import Noticed, damage_passes, lost_passes
from cloud.scenarios.street_furniture.kinds import Kinds
from cloud.work import queue
from cloud.work.hands import keep_at, utc_now
from cloud.work.neighbourhood import Neighbourhood
from cloud.work.proposals import settle

ACTOR: Final = Actor(name="system:furniture", role=Role.SYSTEM)
BATCH: Final = 20
POLL_S: Final = 1.0
RETRY_S: Final = 30.0  # of a store of pictures that is away
PICTURES_SINCE: Final = timedelta(days=2)  # older ones come from buses that were away for long

_log = logging.getLogger(__name__)


def note_things(
    connection: Connection[Any], taken: queue.Taken, cells: Sequence[str], *, kinds: Kinds, at: datetime
) -> None:
    """Fuse what a batch of some places says of things beside the road, by the same fusion as damage of the road."""
    with meaning_inventory(connection):
        seen = [
            item
            for item in read_new_observations(connection, taken.observations)
            if kinds.catalogue.group_of(item.class_code) is not None
        ]
        stretches = read_stretches(connection, taken.coverages, of_things=True)
        if seen or stretches:
            book = read_rate_book(connection)
            place = Neighbourhood(connection, cells, catalogue=kinds.catalogue, book=book, at=at, of_things=True)
            place.take_observations(seen)
            place.take_stretches(stretches)
            repository.mark_due(connection, place.settle())


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges things by the county's rules. The connection is in autocommit."""

    connection: Connection[Any]
    kinds: Kinds
    catalogue: Catalogue
    handling: Handling
    now: Callable[[], datetime]

    def run(self) -> int:
        """Judge all that is due; tells how many things it was."""
        count = 0
        while done := self._step():
            count += done
        return count

    def _step(self) -> int:
        with self.connection.transaction():
            things = repository.take_due(self.connection, limit=BATCH, actor=ACTOR.name, at=self.now())
            do_apart(
                self.connection,
                things,
                self._judge_all,
                kind=Kind.FURNITURE,
                subject_of=lambda thing: {"finding_id": str(thing.id)},
            )
        return len(things)

    def _judge_all(self, things: Sequence[StoredThing]) -> None:
        at = self.now()
        for thing in things:
            if thing.is_learned_now:
                repository.learn(self.connection, thing, at=at)
        known = [thing for thing in things if thing.thing_state is not None or thing.is_learned_now]
        ids = [thing.id for thing in known]
        passes = repository.read_passes(self.connection, ids, limit=self.kinds.rules.passes)
        differences = repository.read_differences(self.connection, ids)
        problems = repository.read_problems(self.connection, ids)
        changed: list[UUID] = []
        for thing in known:
            looks = Looks(passes[thing.id], differences.get(thing.id, {}))
            found = assess(
                ThingState(thing.thing_state or ThingState.SEEN),
                [taken.glance for taken in looks.passes],
                list(looks.differences.values()),
                kinds=self.kinds,
            )
            repository.write_thing(self.connection, thing, found, segment_id=self._segment_of(thing, at), at=at)
            changed += self._write_problems(thing, found, looks, problems, at)
        settle(self._actions(at), changed)

    def _segment_of(self, thing: StoredThing, at: datetime) -> str | None:
        place = FindingPlace(
            id=thing.id,
            lon=thing.lon,
            lat=thing.lat,
            heading_deg=thing.heading_deg,
            position_sigma_m=thing.position_sigma_m,
        )
        network = read_network(self.connection, np.array([(thing.lon, thing.lat)]))
        matched = locate_finding(place, network, at=at)
        return None if matched is None else matched.segment_id

    def _write_problems(
        self,
        thing: StoredThing,
        found: Assessment,
        looks: "Looks",
        known: dict[tuple[UUID, Problem], tuple[UUID, datetime]],
        at: datetime,
    ) -> list[UUID]:
        changed: list[UUID] = []
        for problem in Problem:
            finding_id, began_at = known.get((thing.id, problem), (None, None))
            entry = self.catalogue.classes.get(problem.class_of(thing.kind))
            is_open = found.state == problem
            if entry is None or (finding_id is None and not is_open):
                continue
            evidence = looks.of(problem, kinds=self.kinds)
            begins_at = began_at or looks.began_at(evidence, found)
            is_removed = found.state is ThingState.REMOVED
            written = ProblemFinding(
                thing=thing,
                problem=problem,
                severity=entry.severity.unmeasured.value,
                is_open=is_open,
                existence=0.0 if is_removed else found.probability(problem),
                began_at=begins_at,
                picture_sha256=thing.picture_sha256,
                passes=[(taken, each) for taken, each in evidence if each.glance.at >= begins_at],
            )
            changed.append(repository.write_problem(self.connection, written, finding_id=finding_id, at=at))
        return changed

    def _actions(self, at: datetime) -> CaseActions:
        return CaseActions(
            connection=self.connection, catalogue=self.catalogue, handling=self.handling, actor=ACTOR, at=at
        )


@dataclass(frozen=True, slots=True)
class Looks:
    """Passes by a thing, in order of time, and how the pictures of its sightings differ from those before."""

    passes: Sequence[PassBy]
    differences: dict[UUID, float]

    def of(self, problem: Problem, *, kinds: Kinds) -> list[ProblemPass]:
        """The passes as evidence of a problem."""
        by_glance = {id(taken.glance): taken for taken in self.passes}
        return [(by_glance[id(each.glance)], each) for each in self._noticed(problem, kinds)]

    def _noticed(self, problem: Problem, kinds: Kinds) -> list[Noticed]:
        if problem is not Problem.DAMAGED or kinds.pictures is None:
            return lost_passes([taken.glance for taken in self.passes], problem=problem, kinds=kinds)
        compared = [
            (taken.glance, self.differences[taken.observation_id])
            for taken in self.passes
            if taken.observation_id is not None and taken.observation_id in self.differences
        ]
        told = [difference for _, difference in compared]
        probabilities = [damage_of(told[: number + 1], rules=kinds.pictures) for number in range(len(told))]
        return damage_passes(compared, probabilities=probabilities, rules=kinds.pictures)

    def began_at(self, evidence: Sequence[ProblemPass], found: Assessment) -> datetime:
        """The first pass that noticed it since the last that did not."""
        times = [each.glance.at for _, each in evidence if each.is_noticed]
        last_seen_at = found.standing.last_seen_at
        if found.state is ThingState.DAMAGED or last_seen_at is None:
            return min(times)
        return min(at for at in times if at > last_seen_at)


def look_at_pictures(connection: Connection[Any], read: Read, *, at: datetime) -> int:
    """Compare what came lately with the first pictures of the same things; in autocommit."""
    with connection.transaction():
        compared = compare_new(connection, read, since=at - PICTURES_SINCE)
        repository.mark_due(connection, set(compared))
    return len(compared)


def look_after_furniture(
    url: str,
    kinds: Kinds,
    stop: threading.Event,
    *,
    catalogue: Catalogue,
    handling: Handling,
    open_store: Callable[[], PictureStore],
) -> None:
    """Run until `stop` is set, and set it when something is wrong; a database or store that is away is waited for."""

    def follow(connection: Connection[Any]) -> None:
        judge = Judge(connection=connection, kinds=kinds, catalogue=catalogue, handling=handling, now=utc_now)
        store = cache(open_store)  # opened when the first picture is read; what fails is tried again
        while not stop.is_set():
            done = judge.run()
            try:
                if kinds.pictures is not None:
                    done += look_at_pictures(connection, lambda sha256: store().read(sha256), at=utc_now())
            except (ConfigError, BaseError, OSError) as error:
                _log.warning("pictures_of_things_wait error=%s", error)
                stop.wait(RETRY_S)
            if not done:
                stop.wait(POLL_S)

    keep_at("furniture", follow, url=url, stop=stop)
