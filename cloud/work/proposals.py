"""From findings to what the assessment proposes, and through the one door into the cases."""

from uuid import UUID

from cloud.cases.actions import CaseActions
from cloud.cases.model import Action
from cloud.cases.orders import Order
from cloud.cases.repository import CaseOfFinding, attach_sightings
from cloud.errors import ActionNotAllowedError
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import FindingState, Severity
from cloud.findings.views import Record
from cloud.scenarios.road_damage.assess import Belief, CaseStanding, Proposal, assess


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


def carry_out(actions: CaseActions, proposals: list[Proposal], *, finding: Record, case_id: UUID | None) -> None:
    """Do what is proposed, in order."""
    for proposal in proposals:
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
        else:
            _step(actions, case_id, proposal, finding_id=finding["id"])


def _step(actions: CaseActions, case_id: UUID, proposal: Proposal, *, finding_id: UUID) -> None:
    if proposal.action is Action.ADD_SIGHTING:
        actions.add_sightings(case_id, finding_id=finding_id, reason=proposal.reason)
        return
    if proposal.action is Action.REOPEN:
        attach_sightings(actions.connection, case_id, finding_id=finding_id)
    actions.act(case_id, Order(action=proposal.action, reason=proposal.reason))
