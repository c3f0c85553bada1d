"""One step of the worker: one batch of some places in one transaction."""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.cases.actions import CaseActions
from cloud.cases.handling import Handling
from cloud.cases.model import Actor, Role
from cloud.cases.repository import newest_cases
from cloud.db.aside import Kind, do_apart
from cloud.findings.catalogue import Catalogue
from cloud.findings.error_models import read_rate_book
from cloud.findings.evidence import read_findings_of, read_new_observations, read_stretches
from cloud.findings.views import Record
from cloud.scenarios.street_furniture.kinds import Kinds
from cloud.work import queue
from cloud.work.furniture import note_things
from cloud.work.neighbourhood import Neighbourhood
from cloud.work.place import cells_around_all
from cloud.work.proposals import decide, read_findings, tell_findings
from telemetry.logs import about

ACTOR: Final = Actor(name="system:fusion", role=Role.SYSTEM)

_SIGHTINGS: Final = """
SELECT f.id, f.merged_into, l.observation_id FROM finding_observations l
JOIN unnest(%s::text[], %s::text[], %s::uuid[]) AS n(city, device, id)
    ON l.city = n.city AND l.device = n.device AND l.observation_id = n.id
JOIN findings f ON f.id = l.finding_id
ORDER BY l.observation_id
"""

_log = logging.getLogger(__name__)


def fuse_places(
    connection: Connection[Any],
    places: Sequence[str],
    *,
    catalogue: Catalogue,
    handling: Handling | None,
    kinds: Kinds | None,
    at: datetime,
    held: Sequence[str] = (),
) -> int:
    """Take a batch of places that this transaction has locked; returns how many messages it was.

    Without `kinds` things beside the road are not looked at.

    Raises:
        PlaceBusyError: it reaches farther than the cells `held`, where another worker is; nothing is changed.
    """
    taken = queue.take(connection, places)
    if not taken:
        return 0
    cells = held or cells_around_all(places)
    actions = CaseActions(connection=connection, catalogue=catalogue, handling=handling, actor=ACTOR, at=at)
    do_apart(
        connection,
        taken.items,
        lambda items: _fuse_known(actions, queue.Taken.of(items), cells, kinds),
        kind=Kind.FUSION,
        subject_of=partial(queue.subject_of, cell_of=taken.cell_of),
    )
    queue.delete(connection, taken)
    for kind, (_, city, device, event_id) in taken.items:
        _log.debug("message_fused id=%s source=/%s/%s kind=%s", event_id, city, device, kind)
    _log.debug("places_fused cells=%s messages=%d", ",".join(places), len(taken))
    return len(taken)


def _fuse_known(actions: CaseActions, taken: queue.Taken, cells: Sequence[str], kinds: Kinds | None) -> None:
    """Fuse; what is logged meanwhile names the messages."""
    with about(str(event_id) for _, (*_, event_id) in taken.items):
        _fuse(actions, taken, cells)
        if kinds is not None:
            note_things(actions.connection, taken, cells, kinds=kinds, at=actions.at)


def _fuse(actions: CaseActions, taken: queue.Taken, cells: Sequence[str]) -> None:
    """Let a batch take effect on findings and cases."""
    connection = actions.connection
    book = read_rate_book(connection)
    place = Neighbourhood(connection, cells, catalogue=actions.catalogue, book=book, at=actions.at)
    again = read_findings_of(connection, taken.observations)
    place.take_observations(read_new_observations(connection, taken.observations), again=again)
    place.take_stretches(read_stretches(connection, taken.coverages))
    changed = place.settle()
    _decide(actions, read_findings(connection, changed), taken)
    tell_findings(actions, changed)


def _decide(actions: CaseActions, findings: Sequence[Record], taken: queue.Taken) -> None:
    """Do what the assessment proposes for each finding's newest case."""
    cases = newest_cases(actions.connection, [finding["id"] for finding in findings])
    sightings = _sightings(actions.connection, taken)
    looks = [str(event_id) for *_, event_id in taken.coverages]
    with actions.telling_once() as together:
        for finding in findings:
            with about(sightings.get(finding["id"]) or looks):  # what changed it
                decide(together, finding, cases.get(finding["id"]))


def _sightings(connection: Connection[Any], taken: queue.Taken) -> dict[UUID, list[str]]:
    """Which messages of a batch are sightings of a finding, or of one that it took in."""
    cities, devices, ids = ([key[place] for key in taken.observations] for place in (1, 2, 3))
    sightings: dict[UUID, list[str]] = {}
    for finding_id, merged_into, event_id in connection.execute(_SIGHTINGS, (cities, devices, ids)):
        for each in {finding_id, merged_into} - {None}:
            sightings.setdefault(each, []).append(str(event_id))
    return sightings
