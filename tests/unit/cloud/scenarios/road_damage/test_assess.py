from dataclasses import replace

import pytest

from cloud.cases.model import Action, CaseState
from cloud.findings.catalogue import load_catalogue
from cloud.findings.model import FindingState
from cloud.scenarios.road_damage.assess import Belief, CaseStanding, assess

BY_PERSON = load_catalogue().classes["D00"].filing
BY_ITSELF = load_catalogue().classes["D40"].filing
SURE = Belief(state=FindingState.OPEN, existence=0.97, passes_seen=3, passes_missed=0)
GONE = Belief(state=FindingState.GONE, existence=0.05, passes_seen=3, passes_missed=9)


def actions(belief: Belief, case: CaseStanding | None, filing: object = BY_PERSON) -> list[Action]:
    return [proposal.action for proposal in assess(belief, case, filing=filing)]  # pyright: ignore[reportArgumentType]


def test_sure_finding_becomes_a_case() -> None:
    assert actions(SURE, None) == [Action.OPEN]


def test_class_that_is_filed_by_itself_is_filed_at_once() -> None:
    assert actions(SURE, None, BY_ITSELF) == [Action.OPEN, Action.FILE]


@pytest.mark.parametrize(
    "belief",
    [
        replace(SURE, existence=0.89),
        replace(SURE, passes_seen=1),
        replace(SURE, state=FindingState.CANDIDATE),
        replace(SURE, state=FindingState.REJECTED),
        GONE,
    ],
    ids=["not sure enough", "one pass", "candidate", "rejected by a person", "gone"],
)
def test_what_is_not_sure_becomes_no_case(belief: Belief) -> None:
    assert actions(belief, None) == []


def test_new_sighting_is_added() -> None:
    assert actions(SURE, CaseStanding(state=CaseState.FILED, unattached=1)) == [Action.ADD_SIGHTING]


def test_nothing_new_is_nothing_to_do() -> None:
    assert actions(SURE, CaseStanding(state=CaseState.FILED, unattached=0)) == []


@pytest.mark.parametrize("state", [CaseState.REPORTED, CaseState.FILED, CaseState.REOPENED])
def test_case_of_a_gone_finding_is_withdrawn(state: CaseState) -> None:
    assert actions(GONE, CaseStanding(state=state, unattached=0)) == [Action.WITHDRAW]


def test_case_that_a_crew_has_is_not_withdrawn() -> None:
    assert actions(GONE, CaseStanding(state=CaseState.ACCEPTED, unattached=0)) == []


def test_rejected_case_is_reopened_by_a_sure_finding_only() -> None:
    rejected = CaseStanding(state=CaseState.REJECTED, unattached=2)

    assert actions(SURE, rejected) == [Action.REOPEN]
    assert actions(replace(SURE, existence=0.5), rejected) == []


def test_reason_is_told_in_both_languages() -> None:
    (proposal,) = assess(SURE, None, filing=BY_PERSON)

    assert "97%" in proposal.reason.zh
    assert "3 passes" in proposal.reason.en


def test_one_pass_is_one() -> None:
    (proposal,) = assess(SURE, CaseStanding(state=CaseState.FILED, unattached=1), filing=BY_PERSON)

    assert "1 pass," in proposal.reason.en
