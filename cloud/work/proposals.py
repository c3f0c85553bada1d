"""From findings to what the assessment proposes, and through the one door into the cases."""

from typing import assert_never
from uuid import UUID

from cloud.cases.actions import CaseActions
from cloud.cases.model import Action
from cloud.cases.repository import CaseOfFinding
from cloud.errors import ActionNotAllowedError
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import FindingState, Severity
from cloud.findings.views import Record
from cloud.scenarios.road_damage.assess import Belief, CaseStanding, Proposal, assess


def proposals_for(finding: Record, case: CaseOfFinding | None, *, catalogue: Catalogue) -> list[Proposal]:
    """Ask what is to be done with a finding (a row of FEATURE_COLUMNS) and its newest case."""
    entry = catalogue.classes.get(finding["class_code"])
    if entry is None:
        return []
    belief = Belief(
        state=FindingState(finding["state"]),
        existence=finding["existence"],
        passes_seen=finding["passes_seen"],
        passes_missed=finding["passes_missed"],
    )
    standing = CaseStanding(state=case.state, unattached=case.unattached) if case else None
    return assess(belief, standing, filing=entry.filing)


def carry_out(actions: CaseActions, proposals: list[Proposal], *, finding: Record, case_id: UUID | None) -> None:
    """Do what is proposed, in order."""
    for proposal in proposals:
        if case_id is None:
            case_id = actions.open_case(
                city=finding["city"],
                finding_id=finding["id"],
                class_code=finding["class_code"],
                severity=Severity(finding["severity"]),
                reason=proposal.reason,
            )
        else:
            _step(actions, case_id, proposal, finding_id=finding["id"])


def _step(actions: CaseActions, case_id: UUID, proposal: Proposal, *, finding_id: UUID) -> None:
    match proposal.action:
        case Action.FILE:
            actions.file(case_id, reason=proposal.reason)
        case Action.ADD_SIGHTING:
            actions.add_sightings(case_id, finding_id=finding_id, reason=proposal.reason)
        case Action.WITHDRAW:
            actions.withdraw(case_id, reason=proposal.reason)
        case Action.REOPEN:
            actions.reopen(case_id, finding_id=finding_id, reason=proposal.reason)
        case Action.OPEN:
            raise ActionNotAllowedError(f"finding {finding_id} has case {case_id} already")
        case _:
            assert_never(proposal.action)
