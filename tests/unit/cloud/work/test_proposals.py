from typing import Any
from uuid import UUID

from cloud.cases.model import Action, CaseState
from cloud.cases.repository import CaseOfFinding
from cloud.findings.catalogue import load_catalogue
from cloud.work.place import cells_around
from cloud.work.proposals import proposals_for
from tests.unit.cloud.findings.builders import NOON
from wire.envelope import make_id

CATALOGUE = load_catalogue()
SURE: dict[str, Any] = {
    "class_code": "D40",
    "state": "open",
    "existence": 0.97,
    "passes_seen": 3,
    "passes_missed": 0,
    "merged_into": None,
}


def actions(finding: dict[str, Any], case: CaseOfFinding | None = None) -> list[Action]:
    return [proposal.action for proposal in proposals_for(finding, case, catalogue=CATALOGUE)]


def test_class_decides_how_it_is_filed() -> None:
    assert actions(SURE) == [Action.OPEN, Action.FILE]
    assert actions(SURE | {"class_code": "D00"}) == [Action.OPEN]


def test_class_that_was_taken_out_of_the_catalogue_is_left_alone() -> None:
    assert actions(SURE | {"class_code": "D99"}) == []


def test_case_of_a_finding_that_is_a_part_of_another_is_not_withdrawn() -> None:
    case = CaseOfFinding(id=UUID(make_id(NOON)), state=CaseState.FILED, unattached=0)
    taken_in = SURE | {"state": "gone", "existence": 0.0}

    assert actions(taken_in, case) == [Action.WITHDRAW]
    assert actions(taken_in | {"merged_into": UUID(make_id(NOON))}, case) == []


def test_case_gets_what_is_not_attached_yet() -> None:
    case = CaseOfFinding(id=UUID(make_id(NOON)), state=CaseState.FILED, unattached=1)

    assert actions(SURE, case) == [Action.ADD_SIGHTING]


def test_neighbours_are_locked_in_one_order() -> None:
    cells = cells_around("8940e35a6dbffff")

    assert len(cells) == 7
    assert cells == sorted(cells)
