"""One step of the worker: one batch of one place in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.actions import CaseActions
from cloud.cases.handling import Handling
from cloud.cases.model import Actor, Role
from cloud.cases.repository import newest_cases
from cloud.db.aside import Kind, do_apart
from cloud.db.changes import tell
from cloud.findings.catalogue import Catalogue
from cloud.findings.error_models import read_rate_book
from cloud.findings.evidence import read_findings_of, read_new_observations, read_stretches
from cloud.findings.views import FEATURES_BY_ID, Record, feature_of
from cloud.work import queue
from cloud.work.neighbourhood import Neighbourhood
from cloud.work.place import cells_around
from cloud.work.proposals import carry_out, proposals_for

ACTOR: Final = Actor(name="system:fusion", role=Role.SYSTEM)

_log = logging.getLogger(__name__)


def fuse_place(
    connection: Connection[Any],
    cell: str,
    *,
    catalogue: Catalogue,
    handling: Handling | None,
    at: datetime,
    held: Sequence[str] = (),
) -> int:
    """Take a batch of a place that this transaction has locked; returns how many messages it was.

    Raises:
        PlaceBusyError: it reaches farther than the cells `held`, where another worker is; nothing is changed.
    """
    taken = queue.take(connection, cell)
    if not taken:
        return 0
    cells = held or cells_around(cell)
    actions = CaseActions(connection=connection, catalogue=catalogue, handling=handling, actor=ACTOR, at=at)
    do_apart(
        connection,
        taken.items,
        lambda items: _fuse(actions, queue.Taken.of(items), cells),
        kind=Kind.FUSION,
        subject_of=partial(queue.subject_of, cell=cell),
    )
    queue.delete(connection, taken)
    for kind, (_, city, device, event_id) in taken.items:
        _log.debug("message_fused id=%s source=/%s/%s kind=%s", event_id, city, device, kind)
    _log.debug("place_fused cell=%s messages=%d", cell, len(taken))
    return len(taken)


def _fuse(actions: CaseActions, taken: queue.Taken, cells: Sequence[str]) -> None:
    """Let a batch take effect on findings and cases."""
    connection, catalogue = actions.connection, actions.catalogue
    place = Neighbourhood(connection, cells, catalogue=catalogue, book=read_rate_book(connection), at=actions.at)
    again = read_findings_of(connection, taken.observations)
    place.take_observations(read_new_observations(connection, taken.observations), again=again)
    place.take_stretches(read_stretches(connection, taken.coverages))
    changed = place.settle()
    _decide(actions, _read(connection, changed))
    for record in _read(connection, changed):
        payload = feature_of(record, catalogue=catalogue).model_dump(mode="json")
        tell(connection, kind="finding", subject=str(record["id"]), payload=payload)


def _decide(actions: CaseActions, findings: Sequence[Record]) -> None:
    """Do what the assessment proposes for each finding's newest case."""
    cases = newest_cases(actions.connection, [finding["id"] for finding in findings])
    for finding in findings:
        case = cases.get(finding["id"])
        proposals = proposals_for(finding, case, catalogue=actions.catalogue)
        carry_out(actions, proposals, finding=finding, case_id=case.id if case else None)


def _read(connection: Connection[Any], finding_ids: Iterable[UUID]) -> list[Record]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(FEATURES_BY_ID, {"ids": list(finding_ids)}).fetchall()
