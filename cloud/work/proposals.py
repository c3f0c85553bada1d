"""From findings to what the assessment proposes, and through the one door into the cases; viewers are told of both."""

import logging
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases.actions import CaseActions
from cloud.cases.model import Action
from cloud.cases.orders import Order
from cloud.cases.repository import CaseOfFinding, attach_sightings, newest_cases
from cloud.db.changes import tell_all
from cloud.errors import ActionNotAllowedError
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import FindingState, Severity
from cloud.findings.views import FEATURES_BY_ID, Record, feature_of
from cloud.scenarios.road_damage.assess import Belief, CaseStanding, Proposal, assess

_log = logging.getLogger(__name__)


def settle(actions: CaseActions, finding_ids: Collection[UUID]) -> None:
    """Do what the assessment proposes for each finding's newest case, and tell viewers how the findings stand now."""
    findings = read_findings(actions.connection, finding_ids)
    cases = newest_cases(actions.connection, [finding["id"] for finding in findings])
    for finding in findings:
        decide(actions, finding, cases.get(finding["id"]))
    tell_findings(actions, finding_ids)


def read_findings(connection: Connection[Any], finding_ids: Iterable[UUID]) -> list[Record]:
    """Rows of FEATURE_COLUMNS."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(FEATURES_BY_ID, {"ids": list(finding_ids)}).fetchall()


def tell_findings(actions: CaseActions, finding_ids: Iterable[UUID]) -> None:
    """Tell viewers how findings stand now."""
    findings = read_findings(actions.connection, finding_ids)
    features = [feature_of(finding, catalogue=actions.catalogue) for finding in findings]
    changes = [(str(feature.id), feature.model_dump(mode="json")) for feature in features]
    tell_all(actions.connection, kind="finding", changes=changes)


def decide(actions: CaseActions, finding: Record, case: CaseOfFinding | None) -> None:
    """Do what the assessment proposes for a finding (a row of FEATURE_COLUMNS) and its newest case, in order."""
    case_id = case.id if case else None
    for proposal in proposals_for(finding, case, catalogue=actions.catalogue):
        if proposal.action is Action.OPEN:
            case_id = actions.open_case(
                city=finding["city"],
                finding_id=finding["id"],
                class_code=finding["class_code"],
                severity=Severity(finding["severity"]),
                reason=proposal.reason,
            )
        elif case_id is None:
            raise ActionNotAllowedError(f"finding {finding['id']} has no case for {proposal.action}")
        elif _is_overtaken(actions, case_id, proposal):
            return
        else:
            _step(actions, case_id, proposal, finding_id=finding["id"])


def _is_overtaken(actions: CaseActions, case_id: UUID, proposal: Proposal) -> bool:
    """Whether a person or the clock has taken the case elsewhere since it was read; what was seen waits for the next.

    The case is locked from now on.
    """
    try:
        actions.check(case_id, proposal.action)
    except ActionNotAllowedError as error:
        _log.info("proposal_overtaken case=%s action=%s error=%s", case_id, proposal.action, error)
        return True
    return False


def proposals_for(finding: Record, case: CaseOfFinding | None, *, catalogue: Catalogue) -> list[Proposal]:
    """Ask what is to be done with a finding (a row of FEATURE_COLUMNS) and its newest case."""
    entry = catalogue.classes.get(finding["class_code"])
    if entry is None or finding["merged_into"] is not None:  # its case becomes one with that of what took it in
        return []
    belief = Belief(
        state=FindingState(finding["state"]),
        existence=finding["existence"],
        passes_seen=finding["passes_seen"],
        passes_missed=finding["passes_missed"],
    )
    standing = _standing(case) if case else None
    return assess(belief, standing, filing=entry.filing)


def _standing(case: CaseOfFinding) -> CaseStanding:
    return CaseStanding(state=case.state, unattached=case.unattached, is_false_alarm=case.is_false_alarm)


def _step(actions: CaseActions, case_id: UUID, proposal: Proposal, *, finding_id: UUID) -> None:
    if proposal.action is Action.ADD_SIGHTING:
        actions.add_sightings(case_id, finding_id=finding_id, reason=proposal.reason)
        return
    if proposal.action is Action.REOPEN:
        attach_sightings(actions.connection, case_id, finding_id=finding_id)
    actions.act(case_id, Order(action=proposal.action, reason=proposal.reason))
